import { apart } from '../apart.ts';
import type { PolicyPart } from '../policy-part.ts';
import { type Decision, decideIsolation, undecided } from './decide.ts';

export interface DecisionWork {
  prelude: string;
  part: PolicyPart;
}

/** Up to here a script is looked into where it is: a few milliseconds. Policies without packages are smaller. */
const SMALL_LENGTH = 20_000;
/** Beyond it even a process of its own is not worth it: a syntax tree takes several hundred times its text. */
const LARGE_LENGTH = 1_500_000;
const LIMITS = { timeoutMs: 10_000, memoryLimitMiB: 512 };

/** As decideIsolation; a larger script in a process of its own, whose time and memory are bounded and given back. */
export async function decideApart(work: DecisionWork): Promise<Decision> {
  const length = work.prelude.length + work.part.text.length;
  if (length <= SMALL_LENGTH) return decideIsolation(work.prelude, work.part);
  if (length > LARGE_LENGTH) return undecided('it is too large');
  const outcome = await apart<Decision>(import.meta.url, 'decide-process', work, LIMITS);
  if ('done' in outcome) return outcome.done;
  const isLate = 'over' in outcome && outcome.over === 'time';
  return undecided(isLate ? 'it takes too long' : 'it takes too much memory');
}
