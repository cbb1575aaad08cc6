import { backoffMs, pause } from '@jspolicy/runtime';
import { type JetStreamManager, jetstreamManager, type StoredMsg } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { storedMessage } from './stream-message.ts';
import type { ReadOptions, StreamMessage } from './stream-port.ts';

type Streams = JetStreamManager['streams'];

/** Messages that are asked for at once: an answer is on its way for a millisecond, and a record may have a million. */
const MAX_AT_ONCE = 32;
/** How often one who follows looks for more. */
const LOOK_MS = 500;
const RETRY = { baseMs: 200, maxMs: 5_000 };

/** A position in one life of a stream. */
interface Place {
  made: string;
  next: number;
}

/**
 * Reads what a stream keeps, in its order, and goes on with what comes if that is asked for. Messages are asked for by
 * their position: whoever may make a consumer of his own may also change those of others, by their names.
 */
export async function* readStream(connection: NatsConnection, options: ReadOptions): AsyncIterable<StreamMessage> {
  const { stream, signal, follow } = options;
  // Nothing is asked by this: the stream itself tells whether it is there.
  const { streams } = await jetstreamManager(connection, { checkAPI: false });
  let place: Place | undefined;
  for (let failures = 0; !signal?.aborted; ) {
    try {
      const { created: made, state } = await streams.info(stream);
      // One that was lost and made anew is read from its start.
      if (place?.made !== made) place = { made, next: place ? 1 : await startOf(streams, options, state) };
      for await (const message of stored(streams, options, { from: place.next, upTo: state.last_seq })) {
        if (signal?.aborted) return;
        place.next = message.seq + 1;
        yield storedMessage(message);
      }
      if (!follow) return;
      failures = 0;
      place.next = Math.max(place.next, state.last_seq + 1);
      await pause(LOOK_MS, signal);
    } catch (error) {
      if (signal?.aborted) return;
      if (!follow) throw error;
      await pause(backoffMs(failures++, RETRY), signal);
    }
  }
}

/** Few at first, and where the subject has few messages: each position is answered with the next message of the subject. */
async function* stored(
  streams: Streams,
  { stream, subject = '>' }: ReadOptions,
  { from, upTo }: { from: number; upTo: number },
): AsyncIterable<StoredMsg> {
  let [next, width] = [from, 1];
  while (next <= upTo) {
    const asked = Array.from({ length: Math.min(width, upTo - next + 1) }, (_, i) => next + i);
    const found = await Promise.all(asked.map((seq) => storedAt(streams, stream, { seq, next_by_subj: subject })));
    let told = 0;
    for (const message of found) {
      if (!message || message.seq > upTo) return;
      if (message.seq < next) continue;
      next = message.seq + 1;
      told += 1;
      yield message;
    }
    width = Math.min(MAX_AT_ONCE, told * 2);
  }
}

async function startOf(
  streams: Streams,
  { stream, since }: ReadOptions,
  { first_seq, last_seq }: { first_seq: number; last_seq: number },
): Promise<number> {
  if (since === undefined) return first_seq;
  let [low, high] = [first_seq, last_seq + 1];
  if (since === 'now') return high;
  // Positions have the order of time.
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const message = await storedAt(streams, stream, { seq: middle, next_by_subj: '>' });
    if (message && message.time < since) low = message.seq + 1;
    else high = middle;
  }
  return low;
}

/** The first of a subject from a position on; none: null. */
const storedAt = (streams: Streams, stream: string, query: { seq: number; next_by_subj: string }) =>
  streams.getMessage(stream, query);
