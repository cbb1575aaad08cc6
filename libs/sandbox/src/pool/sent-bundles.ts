/**
 * Scripts that a process holds, as text beside its isolate. UTF-16 units, of two bytes at most: what is more is forgotten,
 * and sent again when it is asked for.
 */
const MAX_HELD_UNITS = 24 * 1024 * 1024;

/** Which bundles a process has: those that were used last. */
export class SentBundles {
  /** Units by digest, the one that was used last at the end. */
  readonly #units = new Map<string, number>();
  #total = 0;

  /** False when the process does not have it. */
  use(digest: string): boolean {
    const units = this.#units.get(digest);
    if (units === undefined) return false;
    this.#units.delete(digest);
    this.#units.set(digest, units);
    return true;
  }

  /** Gives the digests that the process is to forget for it. */
  add(digest: string, units: number): string[] {
    const forgotten: string[] = [];
    for (const oldest of this.#units.keys()) {
      if (this.#total + units <= MAX_HELD_UNITS) break;
      this.remove(oldest);
      forgotten.push(oldest);
    }
    this.#units.set(digest, units);
    this.#total += units;
    return forgotten;
  }

  /** False when the process did not have it. */
  remove(digest: string): boolean {
    this.#total -= this.#units.get(digest) ?? 0;
    return this.#units.delete(digest);
  }
}
