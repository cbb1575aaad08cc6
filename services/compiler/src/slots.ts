import { EngineError } from '@jspolicy/contracts';

/** At most so many pieces of work at once; the others wait in the order in which they came. */
export class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  /** Runs the work in a slot. Throws EngineError DEADLINE_PASSED when none was free within waitMs. */
  async use<T>(waitMs: number, work: () => Promise<T>): Promise<T> {
    await this.#take(waitMs);
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }

  #take(waitMs: number): Promise<void> {
    if (this.#free > 0) {
      this.#free--;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(taken), 1);
        reject(new EngineError('DEADLINE_PASSED', 'the compiler is busy: no build could start in time'));
      }, waitMs);
      const taken = () => {
        clearTimeout(timer);
        resolve();
      };
      this.#waiting.push(taken);
    });
  }
}
