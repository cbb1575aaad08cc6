/** What was started, ended in the opposite order: on the way out, on a failure and on a signal. */
export class Resources {
  readonly #ends: (() => unknown)[] = [];
  #releasing: Promise<void> | undefined;

  /** Remembers how to end it. After release() has begun it is ended at once. */
  async add<T>(started: T, end: (started: T) => unknown): Promise<T> {
    if (this.#releasing) await end(started);
    else this.#ends.push(() => end(started));
    return started;
  }

  /** release() has begun. */
  get released(): boolean {
    return this.#releasing !== undefined;
  }

  /** May be called twice. Never rejects: what cannot be ended is told. */
  release(): Promise<void> {
    this.#releasing ??= this.#release();
    return this.#releasing;
  }

  async #release(): Promise<void> {
    for (const end of this.#ends.reverse()) {
      try {
        await end();
      } catch (error) {
        process.stderr.write(`bench: not ended: ${error}\n`);
      }
    }
  }
}
