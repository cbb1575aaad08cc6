import type { Evaluation, EvaluationResult } from '../port.ts';
import type { LoadedBundle } from './loaded-bundles.ts';

export interface Waiting {
  evaluation: Evaluation;
  bundle: LoadedBundle;
  /** Of performance.now(). */
  endsAt: number;
  /** It was begun in a process that ended for another reason than this policy. */
  again: boolean;
  settle(result: EvaluationResult): void;
}

/** What the line asks of a policy's evaluations. */
interface Turns {
  heldBy(policy: string): number;
  mayBegin(policy: string): boolean;
}

/** Evaluations that no process has. */
export class WaitingLine {
  #waiting: Waiting[] = [];

  get length(): number {
    return this.#waiting.length;
  }

  add(waiting: Waiting): void {
    this.#waiting.push(waiting);
  }

  /** In front of those that came later. */
  putBack(waiting: Waiting): void {
    this.#waiting.unshift(waiting);
  }

  remove(waiting: Waiting): void {
    this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
  }

  /** Of the policies that hold the fewest processes the one that waits longest. It stays in the line. */
  next({ heldBy, mayBegin }: Turns): Waiting | undefined {
    let chosen: Waiting | undefined;
    let fewest = Number.POSITIVE_INFINITY;
    for (const waiting of this.#waiting) {
      const { policy } = waiting.evaluation;
      const held = heldBy(policy);
      if (held >= fewest || !mayBegin(policy)) continue;
      chosen = waiting;
      fewest = held;
      if (held === 0) break;
    }
    return chosen;
  }

  /** Takes those out whose time is over. */
  takeLate(now: number): Waiting[] {
    const late = this.#waiting.filter(({ endsAt }) => endsAt <= now);
    if (late.length > 0) this.#waiting = this.#waiting.filter(({ endsAt }) => endsAt > now);
    return late;
  }
}
