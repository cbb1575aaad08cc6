import {
  AckPolicy,
  type ConsumerConfig,
  DeliverPolicy,
  type Consumer as JsConsumer,
  jetstream,
  jetstreamManager,
} from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import type { DeliveryOptions, DeliveryStart } from './port.ts';

const NANOS_PER_MS = 1e6;
/**
 * Less than a claim lives without renewal: when the next one has its turn, what the last one held comes again already, in
 * front of everything else.
 */
export const ACK_WAIT_MS = 5_000;

/** Makes the durable consumer where it is missing; its place in the stream stays when its settings change. */
export async function ensureConsumer(connection: NatsConnection, options: DeliveryOptions): Promise<JsConsumer> {
  const { stream, durable, subjects, batch, start } = options;
  const { consumers } = await jetstreamManager(connection);
  const settings = {
    ack_wait: ACK_WAIT_MS * NANOS_PER_MS,
    max_ack_pending: batch.maxEvents * 2,
    filter_subjects: subjects ?? [],
  };
  const made = { durable_name: durable, ack_policy: AckPolicy.Explicit, ...startOf(start) };
  await consumers.info(stream, durable).then(
    () => consumers.update(stream, durable, settings),
    () => consumers.add(stream, { ...made, ...settings }),
  );
  return jetstream(connection).consumers.get(stream, durable);
}

function startOf(start: DeliveryStart): Partial<ConsumerConfig> {
  if (start === 'New') return { deliver_policy: DeliverPolicy.New };
  if (start === 'All') return { deliver_policy: DeliverPolicy.All };
  return { deliver_policy: DeliverPolicy.StartTime, opt_start_time: start.since.toISOString() };
}
