import { bundleDigest, type CompileReply, type CompileRequest, type Diagnostic } from '@jspolicy/contracts';
import { checkDependencies } from './dependencies/check.ts';
import type { DependencyTree, DependencyTrees } from './dependencies/dependency-trees.ts';
import { bundlingFailure, SOURCE_FILE } from './diagnostics.ts';
import type { EsbuildProcess } from './esbuild-process.ts';
import { hostCallsAmong, hostCallsIn } from './host-calls.ts';
import { findImports, type ImportRequest } from './imports.ts';
import type { Decision } from './isolation/decide.ts';
import { decideApart } from './isolation/decide-apart.ts';
import type { BundlerLimits } from './limits.ts';
import { type ParsedSource, parseSource } from './parse-source.ts';
import { writePolicyPart } from './policy-part.ts';
import { checkBundleSize } from './precompiled.ts';
import { buildPrelude } from './prelude.ts';
import { syntaxError } from './script-facts.ts';
import { checkImports } from './specifier.ts';

type SourceRequest = Extract<CompileRequest, { kind: 'source' }>;

export interface SourceCompiler {
  esbuild: EsbuildProcess;
  trees: DependencyTrees;
  limits: BundlerLimits;
}

/** A policy's text and dependencies to one script. Throws CompileFailure. */
export async function compileSource(request: SourceRequest, compiler: SourceCompiler): Promise<CompileReply> {
  const { limits, esbuild, trees } = compiler;
  checkSize(request.source, limits);
  checkDependencies(request.dependencies, limits.maxDependencies);
  const source = await parseSource(request.source, esbuild);
  const imports = findImports(source.program);
  const wanted = Object.keys(request.dependencies).length > 0;
  const tree = wanted ? await trees.get(request.dependencies) : undefined;
  const packages = {
    dependencies: request.dependencies,
    ...(tree && { tree: tree.path }),
    maxImports: limits.maxImports,
  };
  const warnings = await checkImports(source, imports, packages);
  const prelude = await buildPrelude({ source, imports, tree: tree?.path, esbuild });
  return assemble({ source, imports, prelude, tree, warnings, limits });
}

interface Parts {
  source: ParsedSource;
  imports: ImportRequest[];
  prelude: string;
  tree: DependencyTree | undefined;
  warnings: Diagnostic[];
  limits: BundlerLimits;
}

async function assemble({ source, imports, prelude, tree, warnings, limits }: Parts): Promise<CompileReply> {
  const part = writePolicyPart(source, imports, prelude !== '');
  const script = prelude + part.text;
  checkBundleSize(script, limits);
  const error = syntaxError(script);
  // What the parsers let pass and V8 does not: told without a place, which V8 keeps to itself.
  if (error) throw bundlingFailure([{ file: SOURCE_FILE, text: error.message }], { cause: error });
  const decision = await decideApart({ prelude, part });
  const described = {
    script,
    isolation: decision.isolation,
    isolationReason: reasonOf(decision, source),
    preludeLength: prelude.length,
    form: 'function-body' as const,
    authorStart: part.authorStart,
    hostCalls: decision.globals ? hostCallsAmong(decision.globals) : hostCallsIn(script),
  };
  const lockfile = tree ? { lockfile: tree.lockfile } : {};
  return { ok: true, bundle: { ...described, digest: bundleDigest(described) }, ...lockfile, warnings };
}

function reasonOf({ reason, offset }: Decision, source: ParsedSource): string {
  if (offset === undefined) return reason;
  const { line, column } = source.authorPosition(offset);
  return `${reason} at ${SOURCE_FILE}:${line}:${column}`;
}

function checkSize(source: string, limits: BundlerLimits): void {
  const bytes = Buffer.byteLength(source);
  if (bytes <= limits.maxSourceBytes) return;
  const text = `the source has ${bytes} bytes; at most ${limits.maxSourceBytes} are possible`;
  throw bundlingFailure([{ file: SOURCE_FILE, text }]);
}
