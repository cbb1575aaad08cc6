import { deadSubject, HEADER } from '@jspolicy/contracts';
import { type JsMsg, jetstream } from '@nats-io/jetstream';
import { headers, type MsgHdrs, type NatsConnection } from '@nats-io/nats-core';

const PUBLISH_TIMEOUT_MS = 5_000;
const MAX_REASON_CHARACTERS = 1_000;

/** Where a message was that could not be handled, and why it could not. */
export interface DeadLetter {
  message: JsMsg;
  stream: string;
  durable: string;
  reason: string;
  /** The sink that it was for. */
  sink?: string;
}

/** Keeps the message's bytes in JSPOLICY_DEAD. Rejects when the stream did not take them: they must not be given up then. */
export async function putDeadLetter(connection: NatsConnection, letter: DeadLetter): Promise<void> {
  const { message, stream, durable } = letter;
  await jetstream(connection).publish(deadSubject(stream), message.data, {
    // The same message of the same life of the stream is one letter, whichever replica gives it up.
    msgID: `${durable} ${message.info.timestampNanos} ${message.seq}`,
    headers: headersOf(letter),
    timeout: PUBLISH_TIMEOUT_MS,
  });
}

function headersOf({ message, stream, durable, reason, sink }: DeadLetter): MsgHdrs {
  const result = headers();
  const set = (name: string, value: string) => result.set(name, oneLine(value));
  set(HEADER.deadReason, reason);
  set(HEADER.deadStream, stream);
  set(HEADER.deadConsumer, durable);
  set(HEADER.deadSubject, message.subject);
  set(HEADER.deadSequence, String(message.seq));
  set(HEADER.deadDeliveries, String(message.info.deliveryCount));
  if (sink !== undefined) set(HEADER.deadSink, sink);
  return result;
}

/** A header is one line; what stands in it came from outside. */
const oneLine = (text: string): string => text.replace(/[\p{Cc}\s]+/gu, ' ').slice(0, MAX_REASON_CHARACTERS);
