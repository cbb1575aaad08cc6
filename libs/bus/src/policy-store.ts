import { POLICIES_BUCKET, type PolicyRecord } from '@jspolicy/contracts';
import type { Logger } from '@jspolicy/runtime';
import { type KV, type KvEntry, Kvm } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/nats-core';
import type { PolicyHandler, PolicyStore, Running } from './port.ts';

/** JSPOLICY_POLICIES: one key per policy, its value a PolicyRecord as JSON. */
export class KvPolicyStore implements PolicyStore {
  readonly #kvm: Kvm;
  readonly #log: Logger;
  #bucket: Promise<KV> | undefined;

  constructor(connection: NatsConnection, log: Logger) {
    this.#kvm = new Kvm(connection);
    this.#log = log;
  }

  async put(record: PolicyRecord): Promise<void> {
    await (await this.#open()).put(record.name, JSON.stringify(record));
  }

  async get(name: string): Promise<PolicyRecord | undefined> {
    const entry = await (await this.#open()).get(name);
    return entry?.operation === 'PUT' ? this.#parse(entry) : undefined;
  }

  async remove(name: string): Promise<void> {
    await (await this.#open()).delete(name);
  }

  async names(): Promise<string[]> {
    const names: string[] = [];
    for await (const name of await (await this.#open()).keys()) names.push(name);
    return names;
  }

  async watch(handler: PolicyHandler): Promise<Running> {
    const bucket = await this.#open();
    const status = await bucket.status();
    const watch = await bucket.watch();
    let synced = status.values === 0;
    if (synced) handler.onSynced();
    const done = (async () => {
      for await (const entry of watch) {
        this.#tell(entry, handler);
        if (!synced && entry.delta === 0) {
          synced = true;
          handler.onSynced();
        }
      }
    })();
    return {
      stop: async () => {
        watch.stop();
        await done;
      },
    };
  }

  #tell(entry: KvEntry, handler: PolicyHandler): void {
    const record = entry.operation === 'PUT' ? this.#parse(entry) : undefined;
    if (record) handler.onPut(record);
    else if (entry.operation !== 'PUT') handler.onRemove(entry.key);
  }

  #parse(entry: KvEntry): PolicyRecord | undefined {
    try {
      const record = entry.json<PolicyRecord>();
      if (record.schema === 1) return record;
      this.#log.error(
        { policy: entry.key, schema: record.schema },
        'policy record has a schema that this version does not know',
      );
    } catch (error) {
      this.#log.error({ err: error, policy: entry.key }, 'policy record is not JSON');
    }
    return undefined;
  }

  #open(): Promise<KV> {
    this.#bucket ??= this.#kvm.open(POLICIES_BUCKET).catch((error: unknown) => {
      this.#bucket = undefined;
      throw error;
    });
    return this.#bucket;
  }
}
