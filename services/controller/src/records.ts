import { isDeepStrictEqual } from 'node:util';
import type { Bus } from '@jspolicy/bus';
import type { PolicyRecord } from '@jspolicy/contracts';
import type { Logger } from '@jspolicy/runtime';

/** Evaluators may still fetch a bundle that a record named a moment ago. */
const UNUSED_BUNDLE_MS = 5 * 60_000;

/** What the data plane knows of each policy; written only when it changed, and only while this replica leads. */
export class Records {
  readonly #bus: Bus;
  readonly #log: Logger;
  readonly #signal: AbortSignal;
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(bus: Bus, log: Logger, signal: AbortSignal) {
    this.#bus = bus;
    this.#log = log;
    this.#signal = signal;
  }

  get(name: string): Promise<PolicyRecord | undefined> {
    return this.#bus.policies.get(name);
  }

  /** Whether it was written. The store is asked each time: it may have been emptied, or written by another leader. */
  async put(record: PolicyRecord): Promise<boolean> {
    const before = await this.get(record.name);
    if (isDeepStrictEqual(before, record)) return false;
    this.#signal.throwIfAborted();
    await this.#bus.policies.put(record);
    if (before?.bundle && before.bundle.digest !== record.bundle?.digest) this.#dropLater(before.bundle.digest);
    return true;
  }

  /** Whether there was one. */
  async remove(name: string): Promise<boolean> {
    const before = await this.get(name);
    if (!before) return false;
    this.#signal.throwIfAborted();
    await this.#bus.policies.remove(name);
    if (before.bundle) this.#dropLater(before.bundle.digest);
    return true;
  }

  names(): Promise<string[]> {
    return this.#bus.policies.names();
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #dropLater(digest: string): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#drop(digest).catch((err: unknown) => this.#log.warn({ err, digest }, 'unused bundle was not removed'));
    }, UNUSED_BUNDLE_MS).unref();
    this.#timers.add(timer);
  }

  async #drop(digest: string): Promise<void> {
    for (const name of await this.names()) {
      if ((await this.get(name))?.bundle?.digest === digest) return;
    }
    this.#signal.throwIfAborted();
    await this.#bus.bundles.remove(digest);
  }
}
