import type { JsMsg, StoredMsg } from '@nats-io/jetstream';
import { plainHeaders } from './headers.ts';
import type { StreamMessage } from './stream-port.ts';

const NANOS_PER_MS = 1e6;

export function streamMessage(message: JsMsg): StreamMessage {
  return {
    subject: message.subject,
    body: message.data,
    sequence: message.seq,
    time: new Date(message.info.timestampNanos / NANOS_PER_MS),
    redelivered: message.redelivered,
    headers: plainHeaders(message),
  };
}

/** One that was asked for by its position. */
export function storedMessage({ subject, data, seq, time, header }: StoredMsg): StreamMessage {
  return { subject, body: data, sequence: seq, time, redelivered: false, headers: plainHeaders({ headers: header }) };
}
