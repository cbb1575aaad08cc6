import { isDeepStrictEqual } from 'node:util';
import type { ViolationSinkSpec } from '@jspolicy/contracts';
import { backoffMs, pause } from '@jspolicy/runtime';
import {
  BusyError,
  openSink,
  plainSettings,
  type ReadSecret,
  RefusedError,
  retryOf,
  SecretMissingError,
  type Sink,
  type SinkContext,
  type SinkEvent,
} from '@jspolicy/sinks';

/** Secrets that changed are taken within this time, at the latest; at once after a failure. */
const LOOK_AT_SECRETS_MS = 60_000;

export interface WriterParts {
  spec: ViolationSinkSpec;
  context: Omit<SinkContext, 'signal'>;
  readSecret: ReadSecret;
}

export interface WriteHandler {
  signal: AbortSignal;
  onTaken(events: readonly SinkEvent[]): void;
  /** For good. A rejection ends the write. */
  onRefused(event: SinkEvent, reason: string): Promise<void>;
  /** An attempt failed, the next one comes. */
  onFailed(error: unknown): void;
}

/** Writes to one sink until it has everything: opens it, tries again, finds what it refuses. */
export class SinkWriter {
  readonly #parts: WriterParts;
  #sink: Sink | undefined;
  #settings: Record<string, unknown> | undefined;
  #lookedMs = 0;

  constructor(parts: WriterParts) {
    this.#parts = parts;
  }

  /** Resolves when every event is taken or refused; rejects when the signal aborts. */
  async write(events: readonly SinkEvent[], handler: WriteHandler): Promise<void> {
    for (let from = 0; from < events.length; ) {
      const part = events.slice(from, from + (this.#sink?.maxEvents ?? (this.#sink ? events.length : 1)));
      await this.#writePart(part, handler);
      from += part.length;
    }
  }

  async close(): Promise<void> {
    const sink = this.#sink;
    this.#sink = undefined;
    // Whatever it still had was not acknowledged: it comes again.
    await sink?.close().catch(() => undefined);
  }

  async #writePart(events: readonly SinkEvent[], handler: WriteHandler): Promise<void> {
    const retry = retryOf(this.#parts.spec);
    for (let failures = 0, pauses = 0; ; ) {
      handler.signal.throwIfAborted();
      const error = await this.#attempt(events, handler);
      if (error === undefined) return;
      if (error instanceof RefusedError) return this.#refused(events, error, handler);
      handler.onFailed(error);
      // The configuration is to blame, and mended some time.
      if (!(error instanceof SecretMissingError)) failures++;
      if (failures >= retry.maxAttempts) return this.#giveUp(events, error, failures, handler);
      const askedMs = error instanceof BusyError ? error.retryAfterMs : 0;
      await pause(Math.max(askedMs, backoffMs(++pauses, retry)), handler.signal);
    }
  }

  /** undefined: all are settled. */
  async #attempt(events: readonly SinkEvent[], handler: WriteHandler): Promise<Error | undefined> {
    const { timeoutMs } = retryOf(this.#parts.spec);
    const limit = AbortSignal.timeout(timeoutMs);
    const signal = AbortSignal.any([handler.signal, limit]);
    let refused: Map<number, string>;
    try {
      const sink = await this.#opened(signal);
      refused = new Map(
        (await aborted(sink.write(events, signal), signal)).map((each) => [each.sequence, each.reason]),
      );
    } catch (error) {
      if (!(error instanceof RefusedError)) await this.close();
      handler.signal.throwIfAborted();
      return limit.aborted ? new Error(`no answer in ${timeoutMs} ms`, { cause: error }) : asError(error);
    }
    for (const event of events) {
      const reason = refused.get(event.sequence);
      if (reason === undefined) handler.onTaken([event]);
      else await handler.onRefused(event, reason);
    }
    return undefined;
  }

  /** The one to blame is looked for: the others are not dead letters. */
  async #refused(events: readonly SinkEvent[], { message }: Error, handler: WriteHandler): Promise<void> {
    const [only] = events;
    if (only && events.length === 1) return handler.onRefused(only, message);
    const middle = Math.ceil(events.length / 2);
    await this.#writePart(events.slice(0, middle), handler);
    await this.#writePart(events.slice(middle), handler);
  }

  async #giveUp(events: readonly SinkEvent[], { message }: Error, times: number, handler: WriteHandler): Promise<void> {
    for (const event of events) await handler.onRefused(event, `failed ${times} times: ${message}`);
  }

  async #opened(signal: AbortSignal): Promise<Sink> {
    if (!this.#sink || performance.now() - this.#lookedMs > LOOK_AT_SECRETS_MS) await this.#lookAtSettings();
    const { spec, context } = this.#parts;
    this.#sink ??= await openInTime(openSink(spec.type, this.#settings ?? {}, { ...context, signal }), signal);
    return this.#sink;
  }

  async #lookAtSettings(): Promise<void> {
    const { spec, readSecret } = this.#parts;
    try {
      const settings = await plainSettings(spec, readSecret);
      this.#lookedMs = performance.now();
      if (isDeepStrictEqual(settings, this.#settings)) return;
      await this.close();
      this.#settings = settings;
    } catch (error) {
      // An API server that is away does not end what works.
      if (!this.#sink) throw error;
    }
  }
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

/** Settles when the signal aborts, whatever the other side does. */
function aborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** One that opens too late is closed. */
async function openInTime(opening: Promise<Sink>, signal: AbortSignal): Promise<Sink> {
  try {
    return await aborted(opening, signal);
  } catch (error) {
    opening.then((sink) => sink.close()).catch(() => undefined);
    throw error;
  }
}
