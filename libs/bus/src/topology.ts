import {
  BUNDLES_BUCKET,
  DEAD_STREAM,
  DEAD_SUBJECTS,
  POLICIES_BUCKET,
  QUARANTINES_BUCKET,
  VIOLATION_SUBJECTS,
  VIOLATIONS_STREAM,
  WORK_CLAIMS_BUCKET,
  WORK_STREAM,
  WORK_SUBJECTS,
} from '@jspolicy/contracts';
import { pause } from '@jspolicy/runtime';
import { DiscardPolicy, jetstreamManager, RetentionPolicy, StorageType } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { type NatsConnection, TimeoutError } from '@nats-io/nats-core';
import { Objm } from '@nats-io/obj';
import type { Retention } from './stream-port.ts';
import { CLAIM_TTL_MS } from './work/claims.ts';

/** Of the record of violations, until a service that has settings for it says otherwise. */
const DEFAULT_RETENTION: Retention = { maxAgeMs: 7 * 24 * 3600 * 1000, maxBytes: 1024 ** 3 };
/** The same id within this time is one violation: longer than any webhook's timeout and its repetitions. */
const DUPLICATE_WINDOW_MS = 2 * 60 * 1000;
const NANOS_PER_MS = 1e6;

/** Long enough for somebody to look at them. */
const DEAD_MAX_AGE_MS = 30 * 24 * 3600 * 1000;
const DEAD_MAX_BYTES = 256 * 1024 ** 2;
/** Longer than any quarantine: what an evaluator that died told does not stay. */
const QUARANTINES_TTL_MS = 10 * 60 * 1000;

/** In a cluster; a single server keeps one. */
const COPIES = 3;
/** While a connection is made anew, which takes moments, it does not know its server. */
const UNKNOWN_SERVER_MS = 5_000;
/** Who may change the record of violations may change nothing else, and the other way round. */
const STREAMS = {
  record: [VIOLATIONS_STREAM],
  others: [
    ...[POLICIES_BUCKET, QUARANTINES_BUCKET, WORK_CLAIMS_BUCKET].map((bucket) => `KV_${bucket}`),
    `OBJ_${BUNDLES_BUCKET}`,
    DEAD_STREAM,
    WORK_STREAM,
  ],
};

/** Creates what is missing, with 3 replicas in a cluster. Idempotent; several services may do it at once. */
export async function ensureTopology(connection: NatsConnection, retention?: Retention): Promise<void> {
  const common = { replicas: await copiesIn(connection), storage: StorageType.File };
  const buckets = new Kvm(connection);
  await buckets.create(POLICIES_BUCKET, { ...common, history: 1 });
  await buckets.create(QUARANTINES_BUCKET, { ...common, history: 1, ttl: QUARANTINES_TTL_MS });
  await buckets.create(WORK_CLAIMS_BUCKET, { ...common, history: 1, ttl: CLAIM_TTL_MS });
  // A copy: the client deletes what it has read from these options.
  await new Objm(connection).create(BUNDLES_BUCKET, { ...common });
  await ensureStream(connection, {
    name: VIOLATIONS_STREAM,
    subjects: [VIOLATION_SUBJECTS],
    num_replicas: common.replicas,
    ...limitsOf(retention ?? DEFAULT_RETENTION),
  });
  if (retention) await keepSo(connection, VIOLATIONS_STREAM, limitsOf(retention));
  await ensureStream(connection, {
    name: DEAD_STREAM,
    subjects: [DEAD_SUBJECTS],
    num_replicas: common.replicas,
    max_age: DEAD_MAX_AGE_MS * NANOS_PER_MS,
    max_bytes: DEAD_MAX_BYTES,
  });
  await ensureStream(connection, {
    name: WORK_STREAM,
    subjects: [WORK_SUBJECTS],
    num_replicas: common.replicas,
    retention: RetentionPolicy.Workqueue,
    max_msgs_per_subject: 1,
  });
}

/**
 * Streams with fewer copies than the cluster keeps get the rest: those made while there was one server, or none known.
 * Returns their names. Throws while the cluster lacks a server to put a copy on.
 */
export async function ensureCopies(connection: NatsConnection, of: keyof typeof STREAMS): Promise<string[]> {
  const copies = await copiesIn(connection);
  const { streams } = await jetstreamManager(connection);
  const mended: string[] = [];
  for (const name of STREAMS[of]) {
    const { config } = await streams.info(name);
    if (config.num_replicas >= copies) continue;
    await streams.update(name, { num_replicas: copies });
    mended.push(name);
  }
  return mended;
}

/** Never a guess: a stream with one copy dies with its server. Throws TimeoutError. */
async function copiesIn(connection: NatsConnection): Promise<number> {
  for (const until = performance.now() + UNKNOWN_SERVER_MS; performance.now() < until; await pause(50))
    if (connection.info) return connection.info.cluster ? COPIES : 1;
  throw new TimeoutError();
}

const limitsOf = ({ maxAgeMs, maxBytes }: Retention) => ({ max_age: maxAgeMs * NANOS_PER_MS, max_bytes: maxBytes });

async function keepSo(connection: NatsConnection, stream: string, limits: ReturnType<typeof limitsOf>): Promise<void> {
  const { streams } = await jetstreamManager(connection);
  const { config } = await streams.info(stream);
  if (config.max_age === limits.max_age && config.max_bytes === limits.max_bytes) return;
  await streams.update(stream, limits);
}

interface StreamSettings {
  name: string;
  subjects: string[];
  num_replicas: number;
  max_age?: number;
  max_bytes?: number;
  retention?: RetentionPolicy;
  max_msgs_per_subject?: number;
}

async function ensureStream(connection: NatsConnection, settings: StreamSettings): Promise<void> {
  const manager = await jetstreamManager(connection);
  const existing = await manager.streams.info(settings.name).catch(() => undefined);
  if (existing) return;
  await manager.streams.add({
    retention: RetentionPolicy.Limits,
    ...settings,
    storage: StorageType.File,
    discard: DiscardPolicy.Old,
    duplicate_window: DUPLICATE_WINDOW_MS * NANOS_PER_MS,
  });
}
