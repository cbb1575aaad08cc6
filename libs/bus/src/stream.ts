import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import type { Publication } from './port.ts';

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
