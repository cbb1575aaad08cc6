import type { PoolSettings } from './pool-options.ts';

/** After a process that ended before it was ready, so that one that cannot start does not take the machine. Doubles. */
const PAUSE_MS = 500;
const MAX_PAUSE_MS = 5_000;

type Told = Pick<PoolSettings, 'log' | 'onAvailable'>;

/** How the starts of sandbox processes go: pauses after those that fail, and tells when none is there any more. */
export class StartAttempts {
  readonly #told: Told;
  readonly #again: () => void;
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #problem: string | undefined;
  #stopped = false;

  /** `again` is called after a pause. */
  constructor(told: Told, again: () => void) {
    this.#told = told;
    this.#again = again;
  }

  get isPausing(): boolean {
    return this.#timer !== undefined;
  }

  /** Why there is no process at all. */
  get problem(): string | undefined {
    return this.#problem;
  }

  failed(how: string, hasOthers: boolean): void {
    if (this.#timer || this.#stopped) return;
    const pauseMs = Math.min(MAX_PAUSE_MS, PAUSE_MS * 2 ** Math.min(this.#failures++, 10));
    this.#told.log?.error({ how, pauseMs }, 'sandbox process does not start');
    if (!hasOthers) this.#setProblem(how);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#again();
    }, pauseMs);
  }

  succeeded(): void {
    this.#failures = 0;
    this.#setProblem(undefined);
  }

  /** Nothing is started again. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #setProblem(problem: string | undefined): void {
    const before = this.#problem;
    this.#problem = problem;
    if ((before === undefined) !== (problem === undefined)) this.#told.onAvailable?.(problem === undefined);
  }
}
