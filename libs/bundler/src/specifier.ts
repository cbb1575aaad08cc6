import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Diagnostic } from '@jspolicy/contracts';
import { builtinText, isBuiltin } from './builtin-modules.ts';
import { bundlingFailure } from './diagnostics.ts';
import type { ImportRequest } from './imports.ts';
import type { ParsedSource } from './parse-source.ts';

/** Anything with a scheme (data:, https:, file:) and every absolute path, of Unix or Windows. */
const NO_PACKAGE = /^(?:[a-z][a-z0-9+.-]*:|[/\\])/i;
/** What a package may be imported with; esbuild's other kinds would put a file's raw content into the bundle. */
const ATTRIBUTES = [undefined, 'json'];

/** The npm name in `name/path` or `@scope/name/path`. */
export function packageOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

/** Where what is imported must be found. */
export interface Packages {
  dependencies: Record<string, string>;
  /** Directory with node_modules in it; absent: nothing is installed. */
  tree?: string;
}

/** Refuses what no policy can import, each with its place; tells of packages that came by chance. */
export async function checkImports(
  source: ParsedSource,
  imports: ImportRequest[],
  packages: Packages & { maxImports: number },
): Promise<Diagnostic[]> {
  const distinct = new Set(imports.map((request) => ('specifier' in request ? request.specifier : '')));
  if (distinct.size > packages.maxImports) {
    const text = `${distinct.size} different imports; at most ${packages.maxImports} are possible`;
    throw bundlingFailure([source.diagnostic(0, text)]);
  }
  const problems: Diagnostic[] = [];
  const warnings: Diagnostic[] = [];
  for (const request of imports) {
    const [list, text] = await judge(request, packages, problems, warnings);
    if (text) list.push(source.diagnostic(request.offset, text));
  }
  if (problems.length > 0) throw bundlingFailure(problems);
  return warnings;
}

type Judgement = [list: Diagnostic[], text: string | undefined];

async function judge(
  request: ImportRequest,
  packages: Packages,
  problems: Diagnostic[],
  warnings: Diagnostic[],
): Promise<Judgement> {
  if (request.kind === 'unknown') {
    const text = `${request.construct}() needs the package's name as a literal string`;
    return request.construct === 'import' ? [problems, text] : [warnings, `${text}: this call throws`];
  }
  if (request.kind === 'meta') return [problems, 'import.meta is not possible here: a policy has no file of its own'];
  const attribute = 'attribute' in request ? request.attribute : undefined;
  if (!ATTRIBUTES.includes(attribute))
    return [problems, `with { type: "${attribute}" } is not possible here, only "json"`];
  const text = refusal(request.specifier, packages.dependencies);
  if (text) return [problems, text];
  const name = packageOf(request.specifier);
  if (Object.hasOwn(packages.dependencies, name)) return [warnings, undefined];
  const missing = `"${name}" is not in spec.dependencies`;
  if (!(await isInstalled(name, packages.tree))) return [problems, missing];
  return [warnings, `${missing}: it is there only because another package needs it`];
}

function refusal(specifier: string, dependencies: Record<string, string>): string | undefined {
  if (isBuiltin(specifier) && !Object.hasOwn(dependencies, specifier)) return builtinText(specifier);
  if (/^\.{1,2}(?:[/\\]|$)/.test(specifier))
    return `"${specifier}" is a file, and a policy is one text: it can import packages only`;
  if (NO_PACKAGE.test(specifier)) return `"${specifier}" cannot be imported, only packages of spec.dependencies can`;
  if (specifier.split(/[/\\]/).includes('..')) return `"${specifier}" leads out of its package`;
  return undefined;
}

async function isInstalled(name: string, tree: string | undefined): Promise<boolean> {
  if (tree === undefined || !/^(?:@[\w.~-]+\/)?[\w~-][\w.~-]*$/.test(name)) return false;
  const found = await stat(join(tree, 'node_modules', name)).catch(() => undefined);
  return found?.isDirectory() ?? false;
}
