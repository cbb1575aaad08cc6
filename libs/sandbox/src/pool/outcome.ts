import type { PolicyFailure } from '@jspolicy/policy';
import type { ChildAnswer, ChildResult } from '../messages.ts';
import type { EvaluationResult } from '../port.ts';
import { DAMAGED_SIGNAL } from './child-command.ts';

/**
 * `host`: time was over while the evaluation waited for the host. `starved`: time was over, and the machine had given
 * the process hardly any. `stopped`: somebody else had stopped the process.
 * `damaged`: it said what no sandbox process says.
 */
export type KilledFor = 'time' | 'memory' | 'host' | 'starved' | 'stopped' | 'damaged';

export interface Died {
  died: string;
  /** We killed it, and why. */
  killedFor?: KilledFor | undefined;
  /** Somebody else ended or stopped it: the policy is not to blame. */
  byOthers?: boolean;
  /** No host call was made that may change something: another process may evaluate it. */
  mayRepeat?: boolean;
  /** What the policy said with its end before: that stands. */
  ended?: ChildAnswer | undefined;
}

const TIME_IS_OVER = new Set<KilledFor>(['time', 'host', 'starved']);

/** What a process gets from its own faults: an abort of the engine, a wrong access or instruction. */
const OWN_FAULTS = new Set<string>([
  DAMAGED_SIGNAL,
  'SIGABRT',
  'SIGSEGV',
  'SIGBUS',
  'SIGILL',
  'SIGTRAP',
  'SIGFPE',
  'SIGSYS',
]);

/** A process that we did not kill ended by this signal: whether somebody else sent it. */
export const isFromOthers = (signal: string): boolean => signal.startsWith('SIG') && !OWN_FAULTS.has(signal);

/** How an evaluation in a process ended. */
export type ProcessOutcome =
  | { result: ChildResult }
  | Died
  /** A host function rejected with an error that is not the policy's. The process is still evaluating. */
  | { hostFailed: string; error: unknown }
  /** It stood in line behind another one, and has to go to another process. */
  | { notBegun: true };

export type Ended = Exclude<ProcessOutcome, { notBegun: true }>;

export const refused = (message: string): EvaluationResult => ({ kind: 'refused', message });
export const failed = (failure: PolicyFailure): EvaluationResult => ({ kind: 'failed', failure });

/** The policy is not why its process ended, and nothing that it did has had an effect. */
export function isWorthRepeating(outcome: Ended): boolean {
  if ('died' in outcome) return outcome.byOthers === true && outcome.mayRepeat === true && !outcome.ended;
  return 'result' in outcome && outcome.result.crowded === true;
}

/** Why the policy is held responsible for the end of its process; undefined: it is not. */
export function blameOf(outcome: Ended): string | undefined {
  if ('hostFailed' in outcome) return undefined;
  if ('died' in outcome) {
    const { killedFor, byOthers, died } = outcome;
    // The policy is not to blame for a slow host, an overloaded machine, or for what others do to its process.
    return byOthers || killedFor === 'host' || killedFor === 'starved' ? undefined : (killedFor ?? died);
  }
  const { answer, crowded } = outcome.result;
  if (crowded) return undefined;
  return answer.kind === 'failed' && answer.failure.cause === 'memory' ? 'memory' : undefined;
}

/** What is told when no result came. */
export function failureWithoutResult(
  policy: string,
  outcome: Exclude<Ended, { result: unknown }>,
  residentLimitMiB: number,
): EvaluationResult {
  if ('hostFailed' in outcome)
    return failed({ cause: 'exception', message: `${outcome.hostFailed}() failed in the engine: see its log` });
  if (outcome.ended) return outcome.ended;
  if (outcome.killedFor && TIME_IS_OVER.has(outcome.killedFor))
    return failed({ cause: 'timeout', message: `script ${policy} timed out` });
  if (outcome.killedFor === 'memory')
    return failed({ cause: 'memory', message: `policy ${policy} ran out of memory (limit ${residentLimitMiB} MiB)` });
  return failed({ cause: 'crash', message: `sandbox of policy ${policy} ended unexpectedly` });
}
