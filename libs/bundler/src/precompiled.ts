import { Script } from 'node:vm';
import { bundleDigest, type CompileReply } from '@jspolicy/contracts';
import { type Position, positionAt, renderDiagnostic } from './diagnostics.ts';
import { CompileFailure } from './failure.ts';
import { hostCallsIn } from './host-calls.ts';
import type { BundlerLimits } from './limits.ts';
import { isParseError, parseScript } from './syntax-tree.ts';

const BUNDLE_FILE = 'bundle';

/** Checks a script that a user made: V8 must be able to read it as a classic script. Throws CompileFailure. */
export function compilePrecompiled(script: string, limits: BundlerLimits): CompileReply {
  checkBundleSize(script, limits);
  const error = syntaxError(script);
  if (error) throw bundleFailure(error.message, positionOf(script));
  const described = {
    script,
    isolation: 'request' as const,
    isolationReason: 'the bundle was made by the user and evaluates all of its code on each request',
    preludeLength: 0,
    form: 'script' as const,
    hostCalls: hostCallsIn(script),
  };
  return { ok: true, bundle: { ...described, digest: bundleDigest(described) }, warnings: [] };
}

export function checkBundleSize(script: string, limits: BundlerLimits): void {
  const bytes = Buffer.byteLength(script);
  if (bytes <= limits.maxBundleBytes) return;
  throw bundleFailure(
    `${mebibytes(bytes)} MiB are too large; at most ${mebibytes(limits.maxBundleBytes)} MiB are possible`,
  );
}

const mebibytes = (bytes: number) => Math.ceil((bytes / 1024 / 1024) * 10) / 10;

/** What V8 has against a text; it is compiled here and never run. */
export function syntaxError(script: string): Error | undefined {
  try {
    new Script(script, { filename: BUNDLE_FILE });
    return undefined;
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
}

/** V8 keeps its positions in the stack's text; acorn tells them. They agree on nearly all texts. */
function positionOf(script: string): Position | undefined {
  try {
    parseScript(script, { allowHashBang: true });
    return undefined;
  } catch (error) {
    return isParseError(error) ? positionAt(script, error.pos) : undefined;
  }
}

function bundleFailure(text: string, position?: Position): CompileFailure {
  const diagnostic = { file: BUNDLE_FILE, ...position, text };
  return new CompileFailure('author', `error reading javascript bundle: ${renderDiagnostic(diagnostic)}`, [diagnostic]);
}
