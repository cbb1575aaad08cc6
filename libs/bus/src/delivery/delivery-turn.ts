import { pause } from '@jspolicy/runtime';
import type { Consumer, JsMsg } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { putDeadLetter } from '../dead-letters.ts';
import { pull } from '../pull.ts';
import { streamMessage } from '../stream-message.ts';
import type { StreamMessage } from '../stream-port.ts';
import type { DeliveryOptions } from './port.ts';

/** How often the server is told that messages are still worked on: several times within their wait. */
const WORKING_MS = 1_500;
/** A pull ends by itself, so that the end of a turn leaves nothing behind that the server had sent. */
const PULL_MS = 1_000;

export interface TurnParts {
  connection: NatsConnection;
  consumer: Consumer;
  options: DeliveryOptions;
  signal: AbortSignal;
  /** By the clock: a process that was stopped for a while goes on before its timers tell it. */
  isHeld(): boolean;
  /** A batch was handled. */
  onProgress(): void;
}

/** One process's turn: pulls ahead, a batch at most, and hands over batch after batch. */
export class DeliveryTurn {
  readonly #parts: TurnParts;
  /** Ends also when either half fails. */
  readonly #ended = new AbortController();
  readonly #signal: AbortSignal;
  /** Everything that was pulled and is not settled, in order. */
  readonly #held = new Map<number, JsMsg>();
  #waiting: JsMsg[] = [];
  #wake: () => void = () => undefined;

  constructor(parts: TurnParts) {
    this.#parts = parts;
    this.#signal = AbortSignal.any([parts.signal, this.#ended.signal]);
    this.#signal.addEventListener('abort', () => this.#wake());
  }

  /** Resolves when the signal aborted; rejects when the server or the handler fails. What is not settled comes again. */
  async run(): Promise<void> {
    const working = setInterval(() => this.#working(), WORKING_MS);
    const end = () => this.#ended.abort();
    try {
      const halves = [this.#pull().finally(end), this.#handle().finally(end)];
      const results = await Promise.allSettled(halves);
      const failed = results.find((result) => result.status === 'rejected');
      if (failed) throw failed.reason;
    } finally {
      clearInterval(working);
      this.#giveBack();
    }
  }

  async #pull(): Promise<void> {
    const { consumer, options } = this.#parts;
    const { maxEvents } = options.batch;
    while (!this.#signal.aborted) {
      const room = maxEvents * 2 - this.#held.size;
      if (room <= 0) {
        await this.#change();
        continue;
      }
      const settings = { max_messages: Math.min(room, maxEvents), expires: PULL_MS };
      for await (const message of pull(consumer, settings, this.#signal)) {
        const inHand = this.#held.has(message.seq);
        this.#held.set(message.seq, message);
        // It came again because its wait was over.
        if (inHand) continue;
        this.#waiting.push(message);
        this.#wake();
      }
    }
  }

  async #handle(): Promise<void> {
    while (!this.#signal.aborted) {
      const batch = await this.#nextBatch();
      if (batch.length === 0) continue;
      if (!this.#parts.isHeld()) throw new Error('the turn is over');
      await this.#handOver(batch);
      this.#parts.onProgress();
    }
  }

  async #nextBatch(): Promise<JsMsg[]> {
    if (this.#waiting.length === 0) await this.#change();
    const { maxWaitMs } = this.#parts.options.batch;
    const until = performance.now() + maxWaitMs;
    while (this.#waiting.length > 0 && !this.#isFull() && !this.#signal.aborted) {
      const leftMs = until - performance.now();
      if (leftMs <= 0) break;
      const waited = new AbortController();
      await Promise.race([this.#change(), pause(leftMs, waited.signal)]);
      waited.abort();
    }
    return this.#signal.aborted ? [] : this.#waiting.splice(0, this.#size());
  }

  /** How many of those that wait make a batch: one at least. */
  #size(): number {
    const { maxEvents, maxBytes } = this.#parts.options.batch;
    let bytes = 0;
    for (const [i, { data }] of this.#waiting.entries()) {
      bytes += data.length;
      if (i > 0 && (bytes > maxBytes || i >= maxEvents)) return i;
    }
    return this.#waiting.length;
  }

  #isFull(): boolean {
    const { maxEvents, maxBytes } = this.#parts.options.batch;
    const bytes = this.#waiting.reduce((sum, { data }) => sum + data.length, 0);
    return this.#waiting.length >= maxEvents || bytes >= maxBytes;
  }

  async #handOver(batch: JsMsg[]): Promise<void> {
    const { options } = this.#parts;
    const bySequence = new Map(batch.map((message) => [message.seq, message]));
    await options.handler({
      messages: batch.map(streamMessage),
      signal: this.#signal,
      settle: ({ sequence }) => this.#settle(sequence),
      bury: (message, letter) => this.#bury(bySequence.get(message.sequence), letter),
    });
    const left = batch.find(({ seq }) => this.#held.has(seq));
    if (left && !this.#signal.aborted) throw new Error(`message ${left.seq} was not settled`);
  }

  async #bury(message: JsMsg | undefined, { reason, sink }: { reason: string; sink: string }): Promise<void> {
    if (!message) return;
    const { connection, options } = this.#parts;
    await putDeadLetter(connection, { message, stream: options.stream, durable: options.durable, reason, sink });
    this.#settle(message.seq);
  }

  #settle(sequence: StreamMessage['sequence']): void {
    // After the turn's end it may be somebody else's: it is left to come again.
    if (!this.#parts.signal.aborted) this.#held.get(sequence)?.ack();
    this.#held.delete(sequence);
    this.#wake();
  }

  /** To whoever has the next turn, at once. */
  #giveBack(): void {
    for (const message of this.#held.values()) message.nak();
    this.#held.clear();
    this.#waiting = [];
  }

  #working(): void {
    if (this.#signal.aborted) return;
    for (const message of this.#held.values()) message.working();
  }

  /** Resolves at the next change of anything that either half waits for. */
  #change(): Promise<void> {
    if (this.#signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const before = this.#wake;
      this.#wake = () => {
        this.#wake = () => undefined;
        before();
        resolve();
      };
    });
  }
}
