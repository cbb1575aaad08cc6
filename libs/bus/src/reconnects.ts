/** Tells of each time that the connection is back. */
export class Reconnects {
  readonly #listeners = new Set<() => void>();

  /** Gives the function that ends it. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
