import { setTimeout as pause } from 'node:timers/promises';

/** So many at once: on a machine that cannot keep up, more would only wait for each other. */
const MOST_AT_ONCE = 8;

/** Does something again and again, so many times a second, several at once when one takes longer; collects what went wrong. */
export class Repeated {
  readonly problems: string[] = [];
  done = 0;
  readonly #running = new Set<Promise<void>>();
  readonly #loop: Promise<void>;
  #stopped = false;

  /** `once` resolves with what was wrong; undefined when nothing was. */
  constructor(perSecond: number, once: () => Promise<string | undefined>) {
    this.#loop = this.#run(1000 / perSecond, once);
  }

  /** Resolves when what is under way has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#loop;
    await Promise.all(this.#running);
  }

  async #run(everyMs: number, once: () => Promise<string | undefined>): Promise<void> {
    while (!this.#stopped) {
      const running = once()
        .catch((error: unknown) => String(error))
        .then((problem) => {
          this.done += 1;
          if (problem !== undefined) this.problems.push(problem);
        });
      this.#running.add(running);
      void running.then(() => this.#running.delete(running));
      if (this.#running.size >= MOST_AT_ONCE) await Promise.race(this.#running);
      await pause(everyMs);
    }
  }
}
