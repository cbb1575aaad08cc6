import { backoffMs, pause } from '@jspolicy/runtime';
import { AckPolicy, type ConsumerConfig, DeliverPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { pull } from './pull.ts';
import { streamMessage } from './stream-message.ts';
import type { ReadOptions, StreamMessage } from './stream-port.ts';

const NANOS_PER_MS = 1e6;
const PULL = { max_messages: 500, expires: 1_000 };
/** The server forgets a consumer that nobody asks for so long. */
const IDLE_MS = 30_000;
const RETRY = { baseMs: 200, maxMs: 5_000 };

/** Reads what a stream keeps, in its order, and goes on with what comes if that is asked for. Nothing is acknowledged. */
export async function* readStream(connection: NatsConnection, options: ReadOptions): AsyncIterable<StreamMessage> {
  const { signal, follow } = options;
  let next: number | undefined;
  for (let failures = 0; !signal?.aborted; ) {
    try {
      for await (const message of readFrom(connection, options, next)) {
        next = message.sequence + 1;
        failures = 0;
        yield message;
      }
      return;
    } catch (error) {
      if (signal?.aborted) return;
      if (!follow) throw error;
      await pause(backoffMs(failures++, RETRY), signal);
    }
  }
}

async function* readFrom(
  connection: NatsConnection,
  options: ReadOptions,
  next: number | undefined,
): AsyncIterable<StreamMessage> {
  const { stream, signal, follow, subjects = [] } = options;
  const { consumers } = await jetstreamManager(connection);
  const { name, num_pending } = await consumers.add(stream, {
    ack_policy: AckPolicy.None,
    filter_subjects: subjects,
    inactive_threshold: IDLE_MS * NANOS_PER_MS,
    mem_storage: true,
    ...startOf(options, next),
  });
  const consumer = await jetstream(connection).consumers.get(stream, name);
  for (let read = 0; (follow || read < num_pending) && !signal?.aborted; ) {
    const before = read;
    for await (const message of pull(consumer, PULL, signal)) {
      if (signal?.aborted) return;
      // What was lost on the way is not sent again: the next consumer begins where this one ended.
      if (message.info.deliverySequence !== ++read) throw new Error('messages were lost on the way');
      yield streamMessage(message);
      if (!follow && read >= num_pending) return;
    }
    // Throws when the consumer is gone, with its stream or its server.
    if (read === before) await consumer.info();
  }
}

function startOf({ since }: ReadOptions, next: number | undefined): Partial<ConsumerConfig> {
  if (next !== undefined) return { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: next };
  if (since === 'now') return { deliver_policy: DeliverPolicy.New };
  if (since === undefined) return { deliver_policy: DeliverPolicy.All };
  return { deliver_policy: DeliverPolicy.StartTime, opt_start_time: since.toISOString() };
}
