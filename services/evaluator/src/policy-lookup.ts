import type { Bus } from '@jspolicy/bus';
import { EngineError, type PolicyRecord } from '@jspolicy/contracts';
import type { PolicyTable } from './policy-table.ts';

const CHECK_AFTER_MS = 5_000;

/** Finds the policy of a request: in memory, or once in the store, where it may be newer than what the watch told. */
export class PolicyLookup {
  readonly #table: PolicyTable;
  readonly #bus: Bus;

  constructor(table: PolicyTable, bus: Bus) {
    this.#table = table;
    this.#bus = bus;
  }

  /** Throws EngineError: UNKNOWN_POLICY, or one of the platform's when that cannot be said within leftMs. */
  async find(name: string, leftMs: number): Promise<PolicyRecord> {
    const known = this.#table.get(name);
    if (known) return known;
    const found = await withTimeout(this.#fetch(name), leftMs);
    if (found) return found;
    if (!this.#table.awaitsBundle(name)) {
      throw new EngineError('UNKNOWN_POLICY', `JsPolicy.policy.jspolicy.com ${JSON.stringify(name)} not found`);
    }
    throw new EngineError('BUS_UNAVAILABLE', `the bundle of policy ${name} could not be loaded yet`);
  }

  async #fetch(name: string): Promise<PolicyRecord | undefined> {
    if (this.#table.awaitsBundle(name)) {
      await this.#table.settled(name);
      return this.#table.get(name);
    }
    const stored = await this.#bus.policies.find(name).catch((cause: unknown) => {
      throw new EngineError('BUS_UNAVAILABLE', 'the policies cannot be read', { cause });
    });
    // The watch may have told it meanwhile, or something newer.
    if (stored && !this.#table.get(name) && !this.#table.awaitsBundle(name)) {
      await this.#table.put(stored.record, stored.revision);
      this.#checkLater(stored.record);
    }
    return this.#table.get(name);
  }

  /** The watch may have told of its removal before the store, at a replica that is behind, said that it was there. */
  #checkLater(record: PolicyRecord): void {
    const check = async () => {
      const gone = (await this.#bus.policies.get(record.name)) === undefined;
      if (gone && this.#table.get(record.name) === record) this.#table.remove(record.name);
    };
    setTimeout(() => void check().catch(() => this.#checkLater(record)), CHECK_AFTER_MS).unref();
  }
}

async function withTimeout<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new EngineError('DEADLINE_PASSED', 'the policy was not loaded in time')), ms);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
