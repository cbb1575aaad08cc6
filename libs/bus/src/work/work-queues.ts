import {
  WORK_CLAIMS_BUCKET,
  WORK_STREAM,
  type WorkKind,
  type WorkMessage,
  workSubject,
  workSubjects,
} from '@jspolicy/contracts';
import type { Logger } from '@jspolicy/runtime';
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { KvBucket } from '../kv-bucket.ts';
import type { Reconnects } from '../reconnects.ts';
import type { Running } from '../running.ts';
import { publish } from '../stream.ts';
import { Claims } from './claims.ts';
import type { WorkOptions, WorkQueues } from './port.ts';
import { consumeWork } from './work-consumer.ts';

/** The stream's subjects: one message for each; a newer one takes the place of the one that waits. */
export class StreamWorkQueues implements WorkQueues {
  readonly #connection: NatsConnection;
  readonly #claims: Claims;
  readonly #log: Logger;

  constructor(connection: NatsConnection, reconnects: Reconnects, log: Logger) {
    this.#connection = connection;
    this.#claims = new Claims(new KvBucket(connection, WORK_CLAIMS_BUCKET, reconnects, log), log);
    this.#log = log;
  }

  put(work: WorkMessage, options: { id: string; timeoutMs: number }): Promise<{ duplicate: boolean }> {
    const body = new TextEncoder().encode(JSON.stringify(work));
    return publish(this.#connection, workSubject(work), body, options);
  }

  async drop(policy: string, kind?: Pick<WorkKind, 'group' | 'resource'>): Promise<void> {
    const { streams } = await jetstreamManager(this.#connection);
    await streams.purge(WORK_STREAM, { filter: workSubjects(policy, kind) });
  }

  async waiting(policy: string): Promise<number> {
    const { streams } = await jetstreamManager(this.#connection);
    const { state } = await streams.info(WORK_STREAM, { subjects_filter: workSubjects(policy) });
    return Object.keys(state.subjects ?? {}).length;
  }

  consume(options: WorkOptions): Promise<Running> {
    return consumeWork({ connection: this.#connection, claims: this.#claims, options, log: this.#log });
  }
}
