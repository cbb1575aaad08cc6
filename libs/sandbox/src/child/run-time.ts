/** The time of an evaluation, which may take several runs: one that counts for nothing takes nothing from the next one. */
export class RunTime {
  readonly #limitMs: number;
  /** Of performance.now(), as all times here. */
  readonly #deadlineAt: number;
  #beganAt = performance.now();
  #endsAt: number;
  #runs = 0;

  /** `limitMs`: of each run. `deadlineMs`: of all together. */
  constructor({ limitMs, deadlineMs }: { limitMs: number; deadlineMs: number }) {
    this.#limitMs = limitMs;
    this.#deadlineAt = this.#beganAt + Math.max(limitMs, deadlineMs);
    this.#endsAt = this.#beganAt + limitMs;
  }

  /** Milliseconds of the run that are left. */
  left(): number {
    return this.#endsAt - performance.now();
  }

  /** What a run that begins now would have. */
  get nextMs(): number {
    return Math.min(this.#limitMs, this.#deadlineAt - performance.now());
  }

  get usedMs(): number {
    return performance.now() - this.#beganAt;
  }

  get hadWholeLimit(): boolean {
    return this.#endsAt - this.#beganAt >= this.#limitMs;
  }

  /** True when another run was begun before. */
  begin(): boolean {
    if (this.#runs++ === 0) return false;
    const nextMs = this.nextMs;
    this.#beganAt = performance.now();
    this.#endsAt = this.#beganAt + nextMs;
    return true;
  }
}
