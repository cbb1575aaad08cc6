import { backoffMs, type Logger, pause } from '@jspolicy/runtime';
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { isMissing } from '../missing.ts';
import type { Claim, Claims } from '../work/claims.ts';
import { ensureConsumer } from './consumer.ts';
import { DeliveryTurn } from './delivery-turn.ts';
import type { Delivery, DeliveryOptions, DeliveryState } from './port.ts';

const RETRY = { baseMs: 200, maxMs: 5_000 };
/** Whoever waits for its turn asks so often: what a process that died held comes back seconds later. */
const TURN = { baseMs: 1_000, maxMs: 2_000 };
/** For what is left to do at the end of a turn. */
const TURN_END_MS = 5_000;

export interface OrderedDeliveryParts {
  connection: NatsConnection;
  claims: Claims;
  log: Logger;
  options: DeliveryOptions;
}

/** Takes turns with other processes: order needs one that delivers, availability others that wait. */
export class OrderedDelivery implements Delivery {
  readonly #parts: OrderedDeliveryParts;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;

  constructor(parts: OrderedDeliveryParts) {
    this.#parts = parts;
    this.#running = this.#run();
  }

  async state(): Promise<DeliveryState> {
    const { connection, options } = this.#parts;
    const { stream, durable } = options;
    const { consumers, streams } = await jetstreamManager(connection);
    // The stream first: where nothing is pending afterwards, everything that it had then is settled.
    const { state } = await streams.info(stream);
    const consumer = await consumers.info(stream, durable);
    const pending = consumer.num_pending + consumer.num_ack_pending;
    const floor = consumer.ack_floor.stream_seq;
    // What the filter leaves out moves no floor.
    const settledUpTo = pending > 0 ? floor : Math.max(floor, state.last_seq);
    const oldest = pending > 0 ? await this.#timeAfter(settledUpTo) : undefined;
    return { pending, settledUpTo, firstSequence: state.first_seq, ...(oldest && { oldest }) };
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #timeAfter(sequence: number): Promise<Date | undefined> {
    const { connection, options } = this.#parts;
    const { streams } = await jetstreamManager(connection);
    const next = { seq: sequence + 1, next_by_subj: options.subjects?.[0] ?? '>' };
    try {
      return (await streams.getMessage(options.stream, next))?.time;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const { claims, options } = this.#parts;
    while (!signal.aborted) {
      const claim = await claims.take(`delivery ${options.stream} ${options.durable}`, signal, TURN);
      if (!claim) return;
      const turn = AbortSignal.any([signal, claim.signal]);
      options.onTurn(turn);
      await this.#deliver(turn, claim);
      await inTime(options.onTurnEnd?.());
      await claim.release();
    }
  }

  async #deliver(signal: AbortSignal, claim: Claim): Promise<void> {
    const { connection, options, log } = this.#parts;
    for (let failures = 0; !signal.aborted; ) {
      try {
        const consumer = await ensureConsumer(connection, options);
        if (options.paused) await untilAborted(signal);
        else
          await new DeliveryTurn({
            connection,
            consumer,
            options,
            signal,
            isHeld: () => claim.isHeld(),
            onProgress: () => (failures = 0),
          }).run();
      } catch (err) {
        if (signal.aborted) return;
        const { stream, durable } = options;
        log.warn({ err, stream, durable }, 'messages cannot be delivered now');
        await pause(backoffMs(failures++, RETRY), signal);
      }
    }
  }
}

async function inTime(work: Promise<void> | undefined): Promise<void> {
  const done = new AbortController();
  await Promise.race([work?.catch(() => undefined), pause(TURN_END_MS, done.signal)]);
  done.abort();
}

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
