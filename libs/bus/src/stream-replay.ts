import { backoffMs, type Logger, pause } from '@jspolicy/runtime';
import { AckPolicy, type Consumer, DeliverPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { pull } from './pull.ts';
import type { Running } from './running.ts';
import { streamMessage } from './stream-message.ts';
import type { ReplayOptions } from './stream-port.ts';

const RETRY = { baseMs: 200, maxMs: 5_000 };
/** A pull ends by itself, so that stop() waits no longer. */
const PULL = { max_messages: 1_000, expires: 1_000 };
/** The server forgets a consumer that nobody asks for so long. */
const IDLE_MS = 30_000;
const NANOS_PER_MS = 1e6;

/** Reads a stream from its start, and goes on. Its place is its own: nothing is kept on the server. */
export class StreamReplay implements Running {
  readonly #connection: NatsConnection;
  readonly #options: ReplayOptions;
  readonly #log: Logger;
  readonly #stopping = new AbortController();
  readonly #done: Promise<void>;
  /** The stream's life, and the position that comes next. */
  #identity = '';
  #next = 1;
  #caughtUp = false;

  constructor(connection: NatsConnection, options: ReplayOptions, log: Logger) {
    this.#connection = connection;
    this.#options = options;
    this.#log = log;
    this.#done = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    for (let failures = 0; !signal.aborted; ) {
      try {
        await this.#read();
        failures = 0;
      } catch (err) {
        if (signal.aborted) return;
        this.#log.warn({ err, stream: this.#options.stream }, 'stream cannot be read now');
        await pause(backoffMs(failures++, RETRY), signal);
      }
    }
  }

  async #read(): Promise<void> {
    const { stream } = this.#options;
    const { created, state } = await (await jetstreamManager(this.#connection)).streams.info(stream);
    if (created !== this.#identity) this.#next = 1;
    this.#identity = created;
    if (this.#next > state.last_seq || state.messages === 0) this.#tellCaughtUp();
    const consumer = await this.#consumer();
    for (let delivered = 0; !this.#stopping.signal.aborted; ) {
      const before = delivered;
      for await (const message of pull(consumer, PULL, this.#stopping.signal)) {
        if (this.#stopping.signal.aborted) return;
        // What was lost on the way is not sent again: the next consumer begins where this one ended.
        if (message.info.deliverySequence !== ++delivered) return;
        this.#next = message.seq + 1;
        this.#options.handler(streamMessage(message));
        if (message.seq >= state.last_seq) this.#tellCaughtUp();
      }
      // Throws when the consumer is gone, with its stream or its server.
      if (delivered === before) await consumer.info();
    }
  }

  async #consumer(): Promise<Consumer> {
    const { stream } = this.#options;
    const { consumers } = await jetstreamManager(this.#connection);
    const { name } = await consumers.add(stream, {
      ack_policy: AckPolicy.None,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: this.#next,
      inactive_threshold: IDLE_MS * NANOS_PER_MS,
      mem_storage: true,
    });
    return jetstream(this.#connection).consumers.get(stream, name);
  }

  #tellCaughtUp(): void {
    if (!this.#caughtUp) this.#options.onCaughtUp();
    this.#caughtUp = true;
  }
}
