import { bundleDigest, type CompileReply } from '@jspolicy/contracts';
import { apart } from './apart.ts';
import { renderDiagnostic } from './diagnostics.ts';
import { CompileFailure } from './failure.ts';
import type { BundlerLimits } from './limits.ts';
import { type ScriptFacts, scriptFacts } from './script-facts.ts';

const BUNDLE_FILE = 'bundle';

/** Up to here a script is read where it is: a few milliseconds. */
const SMALL_LENGTH = 20_000;
/** Of the heap. A syntax tree of the largest script for which one is made takes less, unless it was written to take more. */
const MEMORY_LIMIT_MIB = 256;

/**
 * Checks a script that a user made: V8 must be able to read it as a classic script. A larger one is read in a process of its
 * own: it may be written to take all the time and memory that there is. Throws CompileFailure.
 */
export async function compilePrecompiled(script: string, limits: BundlerLimits): Promise<CompileReply> {
  checkBundleSize(script, limits);
  const facts = script.length <= SMALL_LENGTH ? scriptFacts(script) : await factsApart(script, limits.bundleTimeoutMs);
  if ('problem' in facts) throw bundleFailure(facts.problem.text, facts.problem.position);
  const described = {
    script,
    isolation: 'request' as const,
    isolationReason: 'the bundle was made by the user and evaluates all of its code on each request',
    preludeLength: 0,
    form: 'script' as const,
    hostCalls: facts.hostCalls,
  };
  return { ok: true, bundle: { ...described, digest: bundleDigest(described) }, warnings: [] };
}

async function factsApart(script: string, timeoutMs: number): Promise<ScriptFacts> {
  const limits = { timeoutMs, memoryLimitMiB: MEMORY_LIMIT_MIB };
  const outcome = await apart<ScriptFacts>(import.meta.url, 'script-facts-process', script, limits);
  if ('done' in outcome) return outcome.done;
  if ('ended' in outcome)
    throw new CompileFailure('platform', `error reading javascript bundle: its process ended: ${outcome.ended}`);
  throw bundleFailure(
    outcome.over === 'time'
      ? `to read it takes longer than ${timeoutMs / 1000} s`
      : `to read it takes more than ${MEMORY_LIMIT_MIB} MiB of memory`,
  );
}

export function checkBundleSize(script: string, limits: BundlerLimits): void {
  const bytes = Buffer.byteLength(script);
  if (bytes <= limits.maxBundleBytes) return;
  throw bundleFailure(
    `${mebibytes(bytes)} MiB are too large; at most ${mebibytes(limits.maxBundleBytes)} MiB are possible`,
  );
}

const mebibytes = (bytes: number) => Math.ceil((bytes / 1024 / 1024) * 10) / 10;

function bundleFailure(text: string, position?: { line: number; column: number }): CompileFailure {
  const diagnostic = { file: BUNDLE_FILE, ...position, text };
  return new CompileFailure('author', `error reading javascript bundle: ${renderDiagnostic(diagnostic)}`, [diagnostic]);
}
