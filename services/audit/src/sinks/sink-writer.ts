import type { ViolationSinkSpec } from '@jspolicy/contracts';
import { backoffMs, pause } from '@jspolicy/runtime';
import { retryOf, type SinkEvent } from '@jspolicy/sinks';
import type { Failure, SinkConnection } from './sink-connection.ts';

export interface WriteHandler {
  signal: AbortSignal;
  onTaken(event: SinkEvent): void;
  /** For good. A rejection ends the write. */
  onRefused(event: SinkEvent, reason: string): Promise<void>;
  /** An attempt failed, the next one comes. */
  onFailed(failure: Failure): void;
}

/** Attempts that a part of a batch has, and those that it had as a part of a larger one. */
interface Attempts {
  max: number;
  before: number;
}

/** Writes to one sink until it has everything: tries again, and finds those events that it does not take. */
export class SinkWriter {
  readonly #connection: SinkConnection;
  readonly #retry: ReturnType<typeof retryOf>;

  constructor(connection: SinkConnection, spec: ViolationSinkSpec) {
    this.#connection = connection;
    this.#retry = retryOf(spec);
  }

  /** Resolves when every event is taken or refused; rejects when the signal aborts. */
  async write(events: readonly SinkEvent[], handler: WriteHandler): Promise<void> {
    for (let from = 0; from < events.length; ) {
      // How many it takes is known when it is open.
      const part = events.slice(from, from + (this.#connection.maxEvents ?? 1));
      await this.#writePart(part, handler, { max: this.#retry.maxAttempts, before: 0 });
      from += part.length;
    }
  }

  async #writePart(events: readonly SinkEvent[], handler: WriteHandler, { max, before }: Attempts): Promise<void> {
    for (let failures = 0, pauses = 0; ; ) {
      const outcome = await this.#connection.write(events, handler.signal);
      if (!outcome.failure) return settle(events, outcome.refusals, handler);
      const { failure } = outcome;
      if (failure.refused) return this.#refused(events, failure, handler);
      handler.onFailed(failure);
      // The configuration is to blame, and mended some time.
      if (failure.reason !== 'SecretMissing') failures++;
      if (failures >= max) return this.#giveUp(events, failure, handler, before + failures);
      await pause(Math.max(failure.askedMs, backoffMs(++pauses, this.#retry)), handler.signal);
    }
  }

  /** The one to blame is looked for: the others are not dead letters. */
  async #refused(events: readonly SinkEvent[], { text }: Failure, handler: WriteHandler): Promise<void> {
    const [only] = events;
    if (only && events.length === 1) return handler.onRefused(only, text);
    await this.#writeHalves(events, handler, { max: this.#retry.maxAttempts, before: 0 });
  }

  /** Where the other side answers, the one to blame is looked for with an attempt for each part. */
  async #giveUp(events: readonly SinkEvent[], failure: Failure, handler: WriteHandler, times: number): Promise<void> {
    if (failure.answered && events.length > 1) return this.#writeHalves(events, handler, { max: 1, before: times });
    for (const event of events) await handler.onRefused(event, `failed ${times} times: ${failure.text}`);
  }

  async #writeHalves(events: readonly SinkEvent[], handler: WriteHandler, attempts: Attempts): Promise<void> {
    const middle = Math.ceil(events.length / 2);
    await this.#writePart(events.slice(0, middle), handler, attempts);
    await this.#writePart(events.slice(middle), handler, attempts);
  }
}

async function settle(
  events: readonly SinkEvent[],
  refusals: ReadonlyMap<number, string>,
  { onTaken, onRefused }: WriteHandler,
): Promise<void> {
  for (const event of events) {
    const reason = refusals.get(event.sequence);
    if (reason === undefined) onTaken(event);
    else await onRefused(event, reason);
  }
}
