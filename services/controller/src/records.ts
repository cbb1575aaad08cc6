import { isDeepStrictEqual } from 'node:util';
import type { Bus, StoredPolicy } from '@jspolicy/bus';
import type { PolicyRecord } from '@jspolicy/contracts';
import type { Logger } from '@jspolicy/runtime';

interface RecordsParts {
  bus: Bus;
  log: Logger;
  /** Aborts when this replica leads no more. */
  signal: AbortSignal;
  /** Evaluators may still fetch a bundle that a record named a moment ago. */
  unusedBundleMs: number;
}

export interface PutRecord extends StoredPolicy {
  /** It was written. */
  changed: boolean;
}

/** What the data plane knows of each policy; written only when it changed, and only while this replica leads. */
export class Records {
  readonly #bus: Bus;
  readonly #parts: RecordsParts;
  /** By digest. */
  readonly #timers = new Map<string, NodeJS.Timeout>();
  #swept = false;

  constructor(parts: RecordsParts) {
    this.#parts = parts;
    this.#bus = parts.bus;
  }

  get(name: string): Promise<PolicyRecord | undefined> {
    return this.#bus.policies.get(name);
  }

  /** The store is asked each time: it may have been emptied, or written by another leader. */
  async put(record: PolicyRecord): Promise<PutRecord> {
    const stored = await this.#bus.policies.find(record.name);
    if (stored && isDeepStrictEqual(stored.record, record)) return { ...stored, changed: false };
    this.#parts.signal.throwIfAborted();
    const revision = await this.#bus.policies.put(record);
    const before = stored?.record.bundle;
    if (before && before.digest !== record.bundle?.digest) this.#dropLater(before.digest);
    return { record, revision, changed: true };
  }

  /** Whether there was one. */
  async remove(name: string): Promise<boolean> {
    const before = await this.get(name);
    if (!before) return false;
    this.#parts.signal.throwIfAborted();
    await this.#bus.policies.remove(name);
    if (before.bundle) this.#dropLater(before.bundle.digest);
    return true;
  }

  names(): Promise<string[]> {
    return this.#bus.policies.names();
  }

  /** Removes, in a while, the bundles that no record names: an earlier leader may not have come to it. */
  async dropUnused(): Promise<void> {
    if (this.#swept) return;
    const digests = await this.#bus.bundles.digests();
    const used = await this.#used();
    for (const digest of digests) if (!used.has(digest)) this.#dropLater(digest);
    this.#swept = true;
  }

  stop(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  #dropLater(digest: string): void {
    if (this.#parts.signal.aborted) return;
    clearTimeout(this.#timers.get(digest));
    const timer = setTimeout(() => {
      this.#timers.delete(digest);
      this.#drop(digest).catch((err: unknown) => {
        this.#swept = false;
        this.#parts.log.warn({ err, digest }, 'unused bundle was not removed');
      });
    }, this.#parts.unusedBundleMs).unref();
    this.#timers.set(digest, timer);
  }

  async #drop(digest: string): Promise<void> {
    if ((await this.#used()).has(digest)) return;
    this.#parts.signal.throwIfAborted();
    await this.#bus.bundles.remove(digest);
    this.#parts.log.info({ digest }, 'unused bundle removed');
  }

  async #used(): Promise<Set<string | undefined>> {
    const records = await Promise.all((await this.names()).map((name) => this.get(name)));
    return new Set(records.map((record) => record?.bundle?.digest));
  }
}
