import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { publicationError } from './refused.ts';
import type { Publication } from './stream-port.ts';

/** Publishes with an id; the stream keeps one message per id within its duplicate window. */
export async function publish(
  connection: NatsConnection,
  subject: string,
  body: Uint8Array,
  options: { id: string; timeoutMs: number },
): Promise<Publication> {
  try {
    const published = { msgID: options.id, timeout: options.timeoutMs };
    const { seq, duplicate } = await jetstream(connection).publish(subject, body, published);
    return { sequence: seq, duplicate };
  } catch (error) {
    throw publicationError(error);
  }
}

export async function streamIdentity(connection: NatsConnection, stream: string): Promise<string> {
  const info = await (await jetstreamManager(connection)).streams.info(stream);
  return `${stream}@${info.created}`;
}
