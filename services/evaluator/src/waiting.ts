interface Waiter {
  holds(): boolean;
  resolve(): void;
}

/** Those who wait for conditions, which are looked at whenever something changed. */
export class Waiting {
  readonly #waiters = new Set<Waiter>();

  /** Resolves when the condition holds, at once if it does, or when the signal aborts. */
  until(holds: () => boolean, signal: AbortSignal): Promise<void> {
    if (holds() || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const waiter = { holds, resolve: () => end() };
      const end = () => {
        this.#waiters.delete(waiter);
        signal.removeEventListener('abort', end);
        resolve();
      };
      this.#waiters.add(waiter);
      signal.addEventListener('abort', end, { once: true });
    });
  }

  look(): void {
    for (const waiter of [...this.#waiters]) if (waiter.holds()) waiter.resolve();
  }
}
