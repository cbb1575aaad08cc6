import { BUNDLES_BUCKET, POLICIES_BUCKET, VIOLATION_SUBJECTS, VIOLATIONS_STREAM } from '@jspolicy/contracts';
import { DiscardPolicy, jetstreamManager, RetentionPolicy, StorageType } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/nats-core';
import { Objm } from '@nats-io/obj';

/** How long and how much the record of violations is kept, whichever ends first. */
const VIOLATIONS_MAX_AGE_MS = 7 * 24 * 3600 * 1000;
const VIOLATIONS_MAX_BYTES = 1024 ** 3;
/** The same id within this time is one violation: longer than any webhook's timeout and its repetitions. */
const DUPLICATE_WINDOW_MS = 2 * 60 * 1000;
const NANOS_PER_MS = 1e6;

/** Creates what is missing, with 3 replicas in a cluster. Idempotent; several services may do it at once. */
export async function ensureTopology(connection: NatsConnection): Promise<void> {
  const replicas = connection.info?.cluster ? 3 : 1;
  await new Kvm(connection).create(POLICIES_BUCKET, { history: 1, replicas, storage: StorageType.File });
  await new Objm(connection).create(BUNDLES_BUCKET, { replicas, storage: StorageType.File });
  await ensureViolations(connection, replicas);
}

async function ensureViolations(connection: NatsConnection, replicas: number): Promise<void> {
  const manager = await jetstreamManager(connection);
  const existing = await manager.streams.info(VIOLATIONS_STREAM).catch(() => undefined);
  if (existing) return;
  await manager.streams.add({
    name: VIOLATIONS_STREAM,
    subjects: [VIOLATION_SUBJECTS],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.Old,
    num_replicas: replicas,
    max_age: VIOLATIONS_MAX_AGE_MS * NANOS_PER_MS,
    max_bytes: VIOLATIONS_MAX_BYTES,
    duplicate_window: DUPLICATE_WINDOW_MS * NANOS_PER_MS,
  });
}
