/** An evaluation that runs for so long is slow: others must not wait behind it. */
export const SLOW_MS = 100;
/** How long a policy that was slow is held to its share. */
const REMEMBERED_MS = 60_000;
/** Evaluations below this are quick; so many in a row make a policy one whose successors may stand in line. */
export const QUICK_MS = 10;
export const QUICK_RUN = 5;

/** How long the policies' evaluations take, and how many processes each holds. Milliseconds of performance.now(). */
export class Pace {
  readonly #share: number;
  readonly #maxProcesses: number;
  readonly #held = new Map<string, number>();
  readonly #quickInARow = new Map<string, number>();
  readonly #slowUntil = new Map<string, number>();

  /** `processes`: a policy that was slow leaves one of them to the others; `maxProcesses`: while nobody else needs them. */
  constructor(processes: number, maxProcesses: number) {
    this.#share = Math.max(1, processes - 1);
    this.#maxProcesses = maxProcesses;
  }

  begin(policy: string): void {
    this.#held.set(policy, this.heldBy(policy) + 1);
  }

  /** tookMs: of the evaluation alone, without waiting; undefined when it did not begin. */
  end(policy: string, tookMs: number | undefined): void {
    const left = this.heldBy(policy) - 1;
    if (left > 0) this.#held.set(policy, left);
    else this.#held.delete(policy);
    if (tookMs === undefined) return;
    if (tookMs >= SLOW_MS) this.noteSlow(policy);
    if (tookMs >= QUICK_MS) this.#quickInARow.delete(policy);
    else this.#quickInARow.set(policy, (this.#quickInARow.get(policy) ?? 0) + 1);
  }

  noteSlow(policy: string): void {
    this.#slowUntil.set(policy, performance.now() + REMEMBERED_MS);
  }

  /** Evaluations of the policy that are in processes now. */
  heldBy(policy: string): number {
    return this.#held.get(policy) ?? 0;
  }

  /**
   * Beyond its share a policy that was slow takes what is idle, as long as one more process is left or can be started: its
   * next reviews are mostly quick, and need not wait for the slow one. Or `isWriting`: an evaluation of the policy waits for
   * a write. What is written may be judged by the same policy, and that evaluation must not wait for the one that wrote.
   * `busy`: processes that evaluate now.
   */
  mayBegin(policy: string, busy: () => number, isWriting: () => boolean): boolean {
    const held = this.heldBy(policy);
    if (held < this.#share || !this.#isSlow(policy)) return true;
    const leavesOne = Math.max(1, this.#maxProcesses - 1);
    return busy() < leavesOne || (held < leavesOne && isWriting());
  }

  isQuick(policy: string): boolean {
    return (this.#quickInARow.get(policy) ?? 0) >= QUICK_RUN;
  }

  #isSlow(policy: string): boolean {
    const until = this.#slowUntil.get(policy);
    if (until === undefined) return false;
    if (until > performance.now()) return true;
    this.#slowUntil.delete(policy);
    return false;
  }
}
