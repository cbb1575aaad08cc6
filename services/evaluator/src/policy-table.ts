import type { Bus } from '@jspolicy/bus';
import type { PolicyRecord } from '@jspolicy/contracts';
import { backoffMs, type Logger } from '@jspolicy/runtime';
import type { Sandbox } from '@jspolicy/sandbox';
import { Waiting } from './waiting.ts';

const RETRY = { baseMs: 200, maxMs: 30_000 };

/**
 * The policies in force. A record comes into force when its bundle is in the sandbox; until then the one before it, with
 * a bundle that worked, stays. A bundle that cannot be had is asked for again, later each time.
 */
export class PolicyTable {
  readonly #bus: Bus;
  readonly #sandbox: Sandbox;
  readonly #log: Logger;
  readonly #inForce = new Map<string, PolicyRecord>();
  /** The newest record of each policy, in force or not yet. */
  readonly #newest = new Map<string, PolicyRecord>();
  /** Which revision each record has in its bucket. */
  readonly #revisions = new WeakMap<PolicyRecord, number>();
  #told = 0;
  readonly #waiting = new Waiting();
  readonly #loading = new Map<string, Promise<boolean>>();
  readonly #firstTries = new Map<string, Promise<void>>();
  readonly #retries = new Set<NodeJS.Timeout>();
  readonly #onChange: (name: string) => void;

  /** `onChange`: what is in force of a policy is another record now, or none. */
  constructor(parts: { bus: Bus; sandbox: Sandbox; log: Logger; onChange?: (name: string) => void }) {
    this.#bus = parts.bus;
    this.#sandbox = parts.sandbox;
    this.#log = parts.log;
    this.#onChange = parts.onChange ?? (() => undefined);
  }

  get(name: string): PolicyRecord | undefined {
    return this.#inForce.get(name);
  }

  inForce(): PolicyRecord[] {
    return [...this.#inForce.values()];
  }

  /** A record of it came, but its bundle could not be loaded yet. */
  awaitsBundle(name: string): boolean {
    return this.#newest.has(name) && !this.#inForce.has(name);
  }

  names(): string[] {
    return [...this.#newest.keys()];
  }

  /** What is in force of the policy, with its revision; 0 where that is not known. */
  stands(name: string): { record: PolicyRecord; revision: number } | undefined {
    const record = this.#inForce.get(name);
    return record && { record, revision: this.#revisions.get(record) ?? 0 };
  }

  /** The store told everything up to this revision. */
  told(revision: number): void {
    this.#told = revision;
    this.#waiting.look();
  }

  /** Resolves when the store told this revision, or when the signal aborts. */
  untilTold(revision: number, signal: AbortSignal): Promise<void> {
    return this.#waiting.until(() => this.#told >= revision, signal);
  }

  /** Resolves when what is in force of the policy is the newest that was told, or when the signal aborts. */
  untilNewest(name: string, signal: AbortSignal): Promise<void> {
    const isNewest = () => !this.#inForce.has(name) || this.#inForce.get(name) === this.#newest.get(name);
    return this.#waiting.until(isNewest, signal);
  }

  /** Resolves when the record is in force, or when the first try to load its bundle failed. Never rejects. */
  async put(record: PolicyRecord, revision = 0): Promise<void> {
    this.#revisions.set(record, revision);
    this.#newest.set(record.name, record);
    const first = this.#tryPut(record, 0);
    this.#firstTries.set(record.name, first);
    await first;
    if (this.#firstTries.get(record.name) === first) this.#firstTries.delete(record.name);
  }

  /** Resolves when a first load that runs for the policy has ended, well or not; at once when none does. */
  async settled(name: string): Promise<void> {
    await this.#firstTries.get(name);
  }

  remove(name: string): void {
    const record = this.#inForce.get(name);
    this.#newest.delete(name);
    this.#inForce.delete(name);
    this.#unloadUnused(record);
    this.#log.info({ policy: name }, 'policy removed');
    this.#tellChange(name);
  }

  stop(): void {
    for (const retry of this.#retries) clearTimeout(retry);
    this.#retries.clear();
    this.#newest.clear();
  }

  async #tryPut(record: PolicyRecord, attempt: number): Promise<void> {
    const loaded = !record.bundle || (await this.#load(record.bundle.digest));
    // A newer record may have come meanwhile, or the policy may be gone.
    if (this.#newest.get(record.name) !== record) this.#unloadUnused(record);
    else if (loaded) this.#putInForce(record);
    else this.#retryLater(record, attempt);
  }

  #putInForce(record: PolicyRecord): void {
    const before = this.#inForce.get(record.name);
    this.#inForce.set(record.name, record);
    if (before?.bundle?.digest !== record.bundle?.digest) this.#unloadUnused(before);
    const { name: policy, generation, bundle, bundleError } = record;
    this.#log.info({ policy, generation, digest: bundle?.digest, bundleError }, 'policy in force');
    this.#tellChange(policy);
  }

  #tellChange(name: string): void {
    this.#onChange(name);
    this.#waiting.look();
  }

  #retryLater(record: PolicyRecord, attempt: number): void {
    const retry = setTimeout(
      () => {
        this.#retries.delete(retry);
        void this.#tryPut(record, attempt + 1);
      },
      backoffMs(attempt, RETRY),
    );
    this.#retries.add(retry);
  }

  /** Policies with the same bundle share one load. */
  #load(digest: string): Promise<boolean> {
    const running = this.#loading.get(digest);
    if (running) return running;
    const load = this.#loadOnce(digest).finally(() => this.#loading.delete(digest));
    this.#loading.set(digest, load);
    return load;
  }

  async #loadOnce(digest: string): Promise<boolean> {
    try {
      const bundle = await this.#bus.bundles.get(digest);
      if (bundle) await this.#sandbox.load(bundle);
      else this.#log.warn({ digest }, 'bundle is not in the store');
      return bundle !== undefined;
    } catch (error) {
      this.#log.warn({ err: error, digest }, 'bundle not loaded');
      return false;
    }
  }

  #unloadUnused(record: PolicyRecord | undefined): void {
    const digest = record?.bundle?.digest;
    if (digest === undefined) return;
    const records = [...this.#inForce.values(), ...this.#newest.values()];
    if (!records.some(({ bundle }) => bundle?.digest === digest)) this.#sandbox.unload(digest);
  }
}
