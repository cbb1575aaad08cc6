/** An evaluation that runs for so long is slow: others must not wait behind it. */
export const SLOW_MS = 100;
/** How long a policy that was slow is held to its share. */
const REMEMBERED_MS = 60_000;

export interface Run {
  policy: string;
  startedAt: number;
}

/**
 * What runs now, and which policies are slow. A policy that is quick may use every process; one that was slow leaves one
 * to the others. Times in milliseconds of performance.now().
 */
export class Running {
  readonly #share: number;
  readonly #runs = new Set<Run>();
  readonly #held = new Map<string, number>();
  readonly #slowUntil = new Map<string, number>();

  constructor(processes: number) {
    this.#share = Math.max(1, processes - 1);
  }

  get size(): number {
    return this.#runs.size;
  }

  begin(policy: string): Run {
    const run = { policy, startedAt: performance.now() };
    this.#runs.add(run);
    this.#held.set(policy, this.heldBy(policy) + 1);
    return run;
  }

  end(run: Run): void {
    this.#noteSlow(run, performance.now());
    this.#runs.delete(run);
    const left = this.heldBy(run.policy) - 1;
    if (left > 0) this.#held.set(run.policy, left);
    else this.#held.delete(run.policy);
  }

  /** Processes that evaluate the policy now. */
  heldBy(policy: string): number {
    return this.#held.get(policy) ?? 0;
  }

  /** Evaluations that have been running for long. */
  slow(): number {
    const now = performance.now();
    let count = 0;
    for (const run of this.#runs) if (this.#noteSlow(run, now)) count++;
    return count;
  }

  mayBegin(policy: string): boolean {
    return !this.#isSlow(policy) || this.heldBy(policy) < this.#share;
  }

  #isSlow(policy: string): boolean {
    const until = this.#slowUntil.get(policy);
    if (until === undefined) return false;
    if (until > performance.now()) return true;
    this.#slowUntil.delete(policy);
    return false;
  }

  #noteSlow({ policy, startedAt }: Run, now: number): boolean {
    if (now - startedAt < SLOW_MS) return false;
    this.#slowUntil.set(policy, now + REMEMBERED_MS);
    return true;
  }
}
