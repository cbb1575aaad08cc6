import type { PolicyFailure } from '@jspolicy/policy';
import type { EvaluationResult } from '../port.ts';
import type { ProcessOutcome } from './sandbox-process.ts';
import type { KilledFor } from './watchdog.ts';

export const refused = (message: string): EvaluationResult => ({ kind: 'refused', message });
export const failed = (failure: PolicyFailure): EvaluationResult => ({ kind: 'failed', failure });

/** What a sandbox process says is not trusted: only a result of the agreed form is used. */
export function checked(outcome: ProcessOutcome): ProcessOutcome {
  return isWellFormed(outcome) ? outcome : { died: 'it sent a result that is none' };
}

function isWellFormed(outcome: ProcessOutcome): boolean {
  if (!('result' in outcome)) return true;
  const { answer, prints } = outcome.result;
  if (!Array.isArray(prints) || typeof answer !== 'object' || answer === null) return false;
  if (answer.kind === 'verdict')
    return Array.isArray(answer.verdict?.warnings) && typeof answer.review?.uid === 'string';
  if (answer.kind === 'failed') return typeof answer.failure?.message === 'string';
  return answer.kind === 'malformed' && typeof answer.message === 'string';
}

/** Why the policy is held responsible for the end of its process; undefined: it is not. */
export function blameOf(outcome: ProcessOutcome, killedFor: KilledFor | undefined): string | undefined {
  // The policy is not to blame for a host that is slow or that fails.
  if (killedFor === 'host' || 'hostFailed' in outcome) return undefined;
  if (killedFor !== undefined) return killedFor;
  if ('died' in outcome) return outcome.died;
  const { answer } = outcome.result;
  return answer.kind === 'failed' && answer.failure.cause === 'memory' ? 'memory' : undefined;
}

/** What is told when no result came. */
export function failureWithoutResult(
  policy: string,
  outcome: Exclude<ProcessOutcome, { result: unknown }>,
  killedFor: KilledFor | undefined,
  residentLimitMiB: number,
): EvaluationResult {
  if ('hostFailed' in outcome)
    return failed({ cause: 'exception', message: `${outcome.hostFailed}() failed in the engine: see its log` });
  if (killedFor === 'time' || killedFor === 'host')
    return failed({ cause: 'timeout', message: `script ${policy} timed out` });
  if (killedFor === 'memory')
    return failed({ cause: 'memory', message: `policy ${policy} ran out of memory (limit ${residentLimitMiB} MiB)` });
  return failed({ cause: 'crash', message: `sandbox of policy ${policy} ended unexpectedly` });
}
