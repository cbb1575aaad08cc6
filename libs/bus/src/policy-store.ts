import { POLICIES_BUCKET, type PolicyRecord } from '@jspolicy/contracts';
import type { Logger } from '@jspolicy/runtime';
import type { KvEntry } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/nats-core';
import { KvBucket } from './kv-bucket.ts';
import type { Reconnects } from './reconnects.ts';
import type { Running } from './running.ts';
import type { PolicyHandler, PolicyStore, StoredPolicy } from './store-port.ts';

/** JSPOLICY_POLICIES: one key per policy, its value a PolicyRecord as JSON. */
export class KvPolicyStore implements PolicyStore {
  readonly #bucket: KvBucket;
  readonly #log: Logger;

  constructor(connection: NatsConnection, reconnects: Reconnects, log: Logger) {
    this.#bucket = new KvBucket(connection, POLICIES_BUCKET, reconnects, log);
    this.#log = log;
  }

  async put(record: PolicyRecord): Promise<number> {
    return (await this.#bucket.open()).put(record.name, JSON.stringify(record));
  }

  async get(name: string): Promise<PolicyRecord | undefined> {
    return (await this.find(name))?.record;
  }

  async find(name: string): Promise<StoredPolicy | undefined> {
    const entry = await (await this.#bucket.open()).get(name);
    const record = entry?.operation === 'PUT' ? this.#parse(entry) : undefined;
    return entry && record ? { record, revision: entry.revision } : undefined;
  }

  async lastRevision(): Promise<number> {
    const { streamInfo } = await (await this.#bucket.open()).status();
    return streamInfo.state.last_seq;
  }

  async remove(name: string): Promise<void> {
    await (await this.#bucket.open()).delete(name);
  }

  async names(): Promise<string[]> {
    const names: string[] = [];
    for await (const name of await (await this.#bucket.open()).keys()) names.push(name);
    return names;
  }

  watch(handler: PolicyHandler): Promise<Running> {
    return this.#bucket.watch({
      onEntry: (entry) => this.#tell(entry, handler),
      onSynced: () => handler.onSynced(),
    });
  }

  #tell(entry: KvEntry, handler: PolicyHandler): void {
    const record = entry.operation === 'PUT' ? this.#parse(entry) : undefined;
    if (record) handler.onPut(record, entry.revision);
    else if (entry.operation !== 'PUT') handler.onRemove(entry.key);
    handler.onRevision?.(entry.revision);
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
}
