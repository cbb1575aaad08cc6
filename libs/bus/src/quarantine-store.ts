import { isPolicyName, QUARANTINES_BUCKET, type QuarantineRecord, quarantineKey } from '@jspolicy/contracts';
import type { Logger } from '@jspolicy/runtime';
import type { KvEntry } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/nats-core';
import { KvBucket } from './kv-bucket.ts';
import type { Reconnects } from './reconnects.ts';
import type { Running } from './running.ts';
import type { QuarantineHandler, QuarantineStore } from './store-port.ts';

/** JSPOLICY_QUARANTINES: one key per policy and evaluator; the bucket forgets what is older than any quarantine. */
export class KvQuarantineStore implements QuarantineStore {
  readonly #bucket: KvBucket;
  readonly #log: Logger;

  constructor(connection: NatsConnection, reconnects: Reconnects, log: Logger) {
    this.#bucket = new KvBucket(connection, QUARANTINES_BUCKET, reconnects, log);
    this.#log = log;
  }

  async put(record: QuarantineRecord): Promise<void> {
    await (await this.#bucket.open()).put(quarantineKey(record), JSON.stringify(record));
  }

  watch({ onPut, onSynced }: QuarantineHandler): Promise<Running> {
    return this.#bucket.watch({
      onSynced,
      onEntry: (entry) => {
        const record = entry.operation === 'PUT' ? this.#parse(entry) : undefined;
        if (record) onPut(record);
      },
    });
  }

  #parse(entry: KvEntry): QuarantineRecord | undefined {
    try {
      const record = entry.json<QuarantineRecord>();
      if (isUnderstood(record)) return { ...record, reason: record.reason.slice(0, MAX_REASON).toWellFormed() };
      this.#log.error({ key: entry.key, schema: record.schema }, 'quarantine cannot be understood');
    } catch (err) {
      this.#log.error({ err, key: entry.key }, 'quarantine is not JSON');
    }
    return undefined;
  }
}

/** UTF-16 units; it becomes a part of a policy's status. */
const MAX_REASON = 1_024;

/** Evaluators write them, and each may write for each: one that is made up must not end what the controller does. */
function isUnderstood({ schema, policy, evaluator, until, reason }: QuarantineRecord): boolean {
  const areTexts = [policy, evaluator, until, reason].every((each) => typeof each === 'string');
  return schema === 1 && areTexts && isPolicyName(policy) && Number.isFinite(Date.parse(until));
}
