import { isDeepStrictEqual } from 'node:util';
import type { Bus } from '@jspolicy/bus';
import type { PolicyRecord } from '@jspolicy/contracts';
import type { Logger } from '@jspolicy/runtime';

/** Evaluators may still fetch a bundle that a record named a moment ago. */
const UNUSED_BUNDLE_MS = 5 * 60_000;

/** What the data plane knows of each policy; written only when it changed. */
export class Records {
  readonly #bus: Bus;
  readonly #log: Logger;
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(bus: Bus, log: Logger) {
    this.#bus = bus;
    this.#log = log;
  }

  /** The store is asked each time: it may have been emptied, or written by another leader. */
  async put(record: PolicyRecord): Promise<void> {
    const before = await this.#bus.policies.get(record.name);
    if (isDeepStrictEqual(before, record)) return;
    await this.#bus.policies.put(record);
    const { name, bundle } = record;
    this.#log.info(
      { policy: name, digest: bundle?.digest, isolation: bundle?.isolation, reason: bundle?.isolationReason },
      'policy published',
    );
    if (before?.bundle && before.bundle.digest !== bundle?.digest) this.#dropLater(before.bundle.digest);
  }

  async remove(name: string): Promise<void> {
    const before = await this.#bus.policies.get(name);
    if (!before) return;
    await this.#bus.policies.remove(name);
    if (before.bundle) this.#dropLater(before.bundle.digest);
  }

  names(): Promise<string[]> {
    return this.#bus.policies.names();
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
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
      if ((await this.#bus.policies.get(name))?.bundle?.digest === digest) return;
    }
    await this.#bus.bundles.remove(digest);
  }
}
