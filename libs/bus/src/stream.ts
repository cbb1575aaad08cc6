import { backoffMs, type Logger } from '@jspolicy/runtime';
import {
  AckPolicy,
  type ConsumerMessages,
  DeliverPolicy,
  type JsMsg,
  jetstream,
  jetstreamManager,
} from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import type { ConsumeOptions, Publication, Running, StreamMessage } from './port.ts';

const NANOS_PER_MS = 1e6;
/** A message that is not acknowledged within this time is delivered again, to any replica. */
const ACK_WAIT_MS = 30_000;
const RETRY = { baseMs: 200, maxMs: 30_000 };

/** Publishes with an id; the stream keeps one message per id within its duplicate window. */
export async function publish(
  connection: NatsConnection,
  subject: string,
  body: Uint8Array,
  options: { id: string; timeoutMs: number },
): Promise<Publication> {
  const acknowledgement = await jetstream(connection).publish(subject, body, {
    msgID: options.id,
    timeout: options.timeoutMs,
  });
  return { sequence: acknowledgement.seq, duplicate: acknowledgement.duplicate };
}

export async function streamIdentity(connection: NatsConnection, stream: string): Promise<string> {
  const info = await (await jetstreamManager(connection)).streams.info(stream);
  return `${stream}@${info.created}`;
}

/** Consumes with a durable consumer, in batches: what arrived while the handler worked is its next batch. */
export async function consume(connection: NatsConnection, options: ConsumeOptions, log: Logger): Promise<Running> {
  const manager = await jetstreamManager(connection);
  await manager.consumers.add(options.stream, {
    durable_name: options.durable,
    ack_policy: AckPolicy.Explicit,
    ack_wait: ACK_WAIT_MS * NANOS_PER_MS,
    deliver_policy: DeliverPolicy.All,
    max_ack_pending: options.batch * 4,
  });
  const consumer = await jetstream(connection).consumers.get(options.stream, options.durable);
  const messages = await consumer.consume({ max_messages: options.batch });
  const done = deliver(messages, options, log);
  return {
    stop: async () => {
      await messages.close();
      await done;
    },
  };
}

async function deliver(messages: ConsumerMessages, options: ConsumeOptions, log: Logger): Promise<void> {
  let waiting: JsMsg[] = [];
  let working: Promise<void> | undefined;
  const work = async () => {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, options.batch);
      waiting = waiting.slice(options.batch);
      await handle(batch, options, log);
    }
    working = undefined;
  };
  for await (const message of messages) {
    waiting.push(message);
    working ??= work();
  }
  await working;
}

async function handle(batch: JsMsg[], options: ConsumeOptions, log: Logger): Promise<void> {
  try {
    await options.handler(batch.map(streamMessage));
    for (const message of batch) message.ack();
  } catch (error) {
    log.warn({ err: error, durable: options.durable, messages: batch.length }, 'messages will be delivered again');
    for (const message of batch) message.nak(backoffMs(message.info.deliveryCount, RETRY));
  }
}

function streamMessage(message: JsMsg): StreamMessage {
  return {
    subject: message.subject,
    body: message.data,
    sequence: message.seq,
    time: new Date(message.info.timestampNanos / NANOS_PER_MS),
    redelivered: message.redelivered,
  };
}
