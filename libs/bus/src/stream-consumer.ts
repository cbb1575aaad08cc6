import { backoffMs, type Logger, pause } from '@jspolicy/runtime';
import {
  AckPolicy,
  DeliverPolicy,
  type Consumer as JsConsumer,
  type JsMsg,
  jetstream,
  jetstreamManager,
} from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { BatchHandler } from './batch-handler.ts';
import { pull } from './pull.ts';
import type { ConsumeOptions, Consumer } from './stream-port.ts';

const NANOS_PER_MS = 1e6;
/** What a replica that died held is delivered to another one after this time. */
const ACK_WAIT_MS = 10_000;
/** How often the server is told that messages are still worked on: one that is lost does not matter. */
const WORKING_MS = ACK_WAIT_MS / 3;
/** A pull ends by itself, so that stop() leaves nothing behind that the server had sent. The client's least is 1 s. */
const PULL_MS = 1_000;
const RETRY = { baseMs: 200, maxMs: 5_000 };

/** Makes the durable consumer where it is missing, and begins. */
export async function consume(connection: NatsConnection, options: ConsumeOptions, log: Logger): Promise<Consumer> {
  return new StreamConsumer({ connection, options, log, consumer: await ensureConsumer(connection, options) });
}

async function ensureConsumer(connection: NatsConnection, options: ConsumeOptions): Promise<JsConsumer> {
  const { stream, durable, batch } = options;
  const { consumers } = await jetstreamManager(connection);
  const settings = { ack_wait: ACK_WAIT_MS * NANOS_PER_MS, max_ack_pending: batch * 4 };
  const made = { durable_name: durable, ack_policy: AckPolicy.Explicit, deliver_policy: DeliverPolicy.All };
  // One that another version or a replica with another batch made is refused, and changed: its place in the stream stays.
  await consumers.add(stream, { ...made, ...settings }).catch(() => consumers.update(stream, durable, settings));
  return jetstream(connection).consumers.get(stream, durable);
}

interface Parts {
  connection: NatsConnection;
  options: ConsumeOptions;
  log: Logger;
  consumer: JsConsumer;
}

/** Consumes in batches: what arrived while the handler worked is its next batch. */
class StreamConsumer implements Consumer {
  readonly #parts: Parts;
  readonly #handler: BatchHandler;
  readonly #stopping = new AbortController();
  readonly #pulling: Promise<void>;
  readonly #tellWorking: NodeJS.Timeout;
  /** Everything that was delivered and is not settled. */
  readonly #held = new Set<JsMsg>();
  #consumer: JsConsumer;
  #waiting: JsMsg[] = [];
  #handling: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#consumer = parts.consumer;
    this.#handler = new BatchHandler({ ...parts, stopping: this.#stopping.signal });
    this.#tellWorking = setInterval(() => this.#working(), WORKING_MS);
    this.#pulling = this.#pull();
  }

  async pending(): Promise<number> {
    const { num_pending, num_ack_pending } = await this.#consumer.info();
    return num_pending + num_ack_pending;
  }

  async settledUpTo(): Promise<number> {
    const { ack_floor } = await this.#consumer.info();
    return ack_floor.stream_seq;
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#stopping.abort();
    this.#giveBack();
    await this.#pulling;
    this.#giveBack();
    await this.#handling;
    clearInterval(this.#tellWorking);
  }

  /** At once to whoever else consumes. */
  #giveBack(): void {
    for (const message of this.#waiting.splice(0)) {
      this.#say(message, () => message.nak());
      this.#held.delete(message);
    }
  }

  async #pull(): Promise<void> {
    const { signal } = this.#stopping;
    for (let failures = 0; !signal.aborted; ) {
      try {
        await this.#pullOnce();
        failures = 0;
      } catch (err) {
        const { stream, durable } = this.#parts.options;
        this.#parts.log.warn({ err, stream, durable }, 'messages cannot be pulled now');
        await pause(backoffMs(failures++, RETRY), signal);
        await this.#lookForConsumer();
      }
    }
  }

  async #pullOnce(): Promise<void> {
    const { batch } = this.#parts.options;
    const settings = { max_messages: batch, expires: PULL_MS };
    for await (const message of pull(this.#consumer, settings, this.#stopping.signal)) {
      this.#held.add(message);
      this.#waiting.push(message);
      this.#handling ??= this.#handleWaiting();
    }
    // One batch waits behind the one at hand, and not more.
    if (this.#waiting.length >= batch) await this.#handling;
  }

  /** A server that lost its files comes back without streams; whoever keeps the topology makes those again. */
  async #lookForConsumer(): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    const { connection, options } = this.#parts;
    this.#consumer = await ensureConsumer(connection, options).catch(() => this.#consumer);
  }

  async #handleWaiting(): Promise<void> {
    while (this.#waiting.length > 0 && !this.#stopping.signal.aborted) {
      const batch = this.#waiting.splice(0, this.#parts.options.batch);
      await this.#handler.handle(batch);
      for (const message of batch) this.#held.delete(message);
    }
    this.#handling = undefined;
  }

  #working(): void {
    for (const message of this.#held) this.#say(message, () => message.working());
  }

  /** Where the server cannot be told, because the connection is closed, it delivers the message again. */
  #say({ seq: sequence }: JsMsg, tell: () => void): void {
    try {
      tell();
    } catch (err) {
      const { stream, durable } = this.#parts.options;
      this.#parts.log.warn({ err, stream, durable, sequence }, 'the server cannot be told about a message');
    }
  }
}
