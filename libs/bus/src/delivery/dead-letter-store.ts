import { DEAD_STREAM, HEADER } from '@jspolicy/contracts';
import { jetstreamManager, type StoredMsg } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { isMissing } from '../missing.ts';
import type { DeadLetterEntry, DeadLetters } from './port.ts';

export class StreamDeadLetters implements DeadLetters {
  readonly #connection: NatsConnection;

  constructor(connection: NatsConnection) {
    this.#connection = connection;
  }

  async *list(sink?: string): AsyncIterable<DeadLetterEntry> {
    for (let from = 1; ; ) {
      const message = await this.#stored({ seq: from, next_by_subj: '>' });
      if (!message) return;
      from = message.seq + 1;
      const entry = entryOf(message);
      if (sink === undefined || entry.sink === sink) yield entry;
    }
  }

  async get(sequence: number): Promise<DeadLetterEntry | undefined> {
    const message = await this.#stored({ seq: sequence });
    return message && entryOf(message);
  }

  async remove(sequence: number): Promise<void> {
    const { streams } = await jetstreamManager(this.#connection);
    try {
      await streams.deleteMessage(DEAD_STREAM, sequence, false);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }

  async #stored(query: { seq: number; next_by_subj?: string }): Promise<StoredMsg | undefined> {
    const { streams } = await jetstreamManager(this.#connection);
    try {
      return (await streams.getMessage(DEAD_STREAM, query)) ?? undefined;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }
}

function entryOf({ seq, time, header, data }: StoredMsg): DeadLetterEntry {
  const of = (name: string) => header.get(name);
  return {
    sequence: seq,
    time,
    reason: of(HEADER.deadReason),
    sink: of(HEADER.deadSink),
    subject: of(HEADER.deadSubject),
    originalSequence: Number(of(HEADER.deadSequence)),
    body: data,
  };
}
