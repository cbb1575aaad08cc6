import { isDeepStrictEqual } from 'node:util';
import type { ViolationSinkSpec } from '@jspolicy/contracts';
import { pause } from '@jspolicy/runtime';
import {
  AnsweredError,
  BusyError,
  errorTextOf,
  oneLine,
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
/** A sink that does not close, or does not end its attempt, is left: nothing that it still has counts as delivered. */
const CLOSE_MS = 5_000;

export interface ConnectionParts {
  spec: ViolationSinkSpec;
  context: Omit<SinkContext, 'signal'>;
  readSecret: ReadSecret;
}

/** Why an attempt came to nothing, fit to be told. */
export interface Failure {
  reason: 'SecretMissing' | 'Failing';
  text: string;
  /** The events are refused for good, one of them at least. */
  refused: boolean;
  /** The other side answered, so that the events may be to blame. */
  answered: boolean;
  /** How long the other side asks to be left alone. */
  askedMs: number;
}

/** Of the events that were written: the reasons of those that were refused for good, by their positions. */
export type Outcome = { refusals: ReadonlyMap<number, string>; failure?: undefined } | { failure: Failure };

/** One sink, opened when it is needed and anew after an error. One attempt at a time. */
export class SinkConnection {
  readonly #parts: ConnectionParts;
  readonly #timeoutMs: number;
  #sink: Sink | undefined;
  #settings: Record<string, unknown> | undefined;
  #textOf = oneLine;
  #lookedMs = 0;
  #last: Promise<unknown> = Promise.resolve();
  readonly #ended = new AbortController();

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
    this.#timeoutMs = retryOf(parts.spec).timeoutMs;
  }

  /** Of one write; undefined while it is not open. */
  get maxEvents(): number | undefined {
    return this.#sink && (this.#sink.maxEvents ?? Number.POSITIVE_INFINITY);
  }

  /** One attempt. Rejects only when the signal aborts, or after close(). */
  write(events: readonly SinkEvent[], signal: AbortSignal): Promise<Outcome> {
    return this.#inTurn(signal, async (limit) => {
      const sink = await this.#opened(limit);
      const refused = await settledOr(sink.write(events, limit), limit);
      return new Map(refused.map(({ sequence, reason }) => [sequence, this.#textOf(reason)]));
    });
  }

  /** Opens it without writing anything. Rejects only when the signal aborts, or after close(). */
  async open(signal: AbortSignal): Promise<Failure | undefined> {
    const { failure } = await this.#inTurn(signal, async (limit) => {
      await this.#opened(limit);
      return new Map();
    });
    return failure;
  }

  /** For good: the attempt at hand ends, and none opens it again. Idempotent. */
  async close(): Promise<void> {
    this.#ended.abort();
    await inTime(this.#last);
    await this.#closeSink();
  }

  async #closeSink(): Promise<void> {
    const sink = this.#sink;
    this.#sink = undefined;
    if (!sink) return;
    await inTime(sink.close().catch(() => undefined));
  }

  #inTurn(signal: AbortSignal, work: (limit: AbortSignal) => Promise<Map<number, string>>): Promise<Outcome> {
    const mine = this.#last.then(() => this.#attempt(signal, work));
    this.#last = mine.catch(() => undefined);
    return mine;
  }

  async #attempt(asked: AbortSignal, work: (limit: AbortSignal) => Promise<Map<number, string>>): Promise<Outcome> {
    const signal = AbortSignal.any([asked, this.#ended.signal]);
    signal.throwIfAborted();
    const limit = AbortSignal.timeout(this.#timeoutMs);
    try {
      return { refusals: await work(AbortSignal.any([signal, limit])) };
    } catch (error) {
      if (!(error instanceof RefusedError)) await this.#closeSink();
      signal.throwIfAborted();
      return { failure: this.#failure(limit.aborted ? new Error(`no answer in ${this.#timeoutMs} ms`) : error) };
    }
  }

  #failure(error: unknown): Failure {
    return {
      reason: error instanceof SecretMissingError ? 'SecretMissing' : 'Failing',
      text: this.#textOf(error instanceof Error ? error.message : String(error)),
      refused: error instanceof RefusedError,
      answered: error instanceof AnsweredError,
      askedMs: error instanceof BusyError ? error.retryAfterMs : 0,
    };
  }

  async #opened(signal: AbortSignal): Promise<Sink> {
    if (!this.#sink || performance.now() - this.#lookedMs > LOOK_AT_SECRETS_MS) await this.#lookAtSettings();
    const { spec, context } = this.#parts;
    this.#sink ??= await openedInTime(openSink(spec.type, this.#settings ?? {}, { ...context, signal }), signal);
    return this.#sink;
  }

  async #lookAtSettings(): Promise<void> {
    const { spec, readSecret } = this.#parts;
    try {
      const settings = await plainSettings(spec, readSecret);
      this.#lookedMs = performance.now();
      if (isDeepStrictEqual(settings, this.#settings)) return;
      await this.#closeSink();
      this.#settings = settings;
      this.#textOf = errorTextOf(spec.type, settings);
    } catch (error) {
      // An API server that is away does not end what works.
      if (!this.#sink) throw error;
    }
  }
}

/** Waits for it for CLOSE_MS at most. */
async function inTime(work: Promise<unknown>): Promise<void> {
  const done = new AbortController();
  await Promise.race([work, pause(CLOSE_MS, done.signal)]);
  done.abort();
}

/** Settles when the signal aborts, whatever the other side does. */
function settledOr<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** One that opens too late is closed. */
async function openedInTime(opening: Promise<Sink>, signal: AbortSignal): Promise<Sink> {
  try {
    return await settledOr(opening, signal);
  } catch (error) {
    opening.then((sink) => sink.close()).catch(() => undefined);
    throw error;
  }
}
