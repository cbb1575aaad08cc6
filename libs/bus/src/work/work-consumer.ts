import { createHash } from 'node:crypto';
import { policyToken, WORK_STREAM, type WorkMessage, workSubjects } from '@jspolicy/contracts';
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
import { putDeadLetter } from '../dead-letters.ts';
import { pull } from '../pull.ts';
import type { Running } from '../running.ts';
import type { Claim, Claims } from './claims.ts';
import type { WorkEnd, WorkOptions } from './port.ts';

const NANOS_PER_MS = 1e6;
/** What a process that died held is delivered to another one after this time; its claim ends then too. */
const ACK_WAIT_MS = 10_000;
const WORKING_MS = 3_000;
/** The client's least: a pull ends by itself, so that stop() leaves nothing behind that the server had sent. */
const PULL_MS = 1_000;
/** A consumer that nobody uses for so long is forgotten; its policy is gone. What waits is not touched by that. */
const INACTIVE_MS = 3_600_000;
const RETRY = { baseMs: 200, maxMs: 5_000 };
/** From client-go's queue: users of controllers know it. */
const AGAIN = { baseMs: 5, maxMs: 1_000_000 };
/** A subject's token may be longer than a consumer's name. */
const MAX_TOKEN = 200;

export interface WorkConsumerParts {
  connection: NatsConnection;
  claims: Claims;
  options: WorkOptions;
  log: Logger;
}

export async function consumeWork(parts: WorkConsumerParts): Promise<Running> {
  return new WorkConsumer(parts, await ensureConsumer(parts));
}

/** The name of a policy's consumer, which all evaluators share. */
function workConsumerName(policy: string): string {
  const token = policyToken(policy);
  return `work_${token.length > MAX_TOKEN ? createHash('sha256').update(token).digest('hex') : token}`;
}

async function ensureConsumer({ connection, options }: WorkConsumerParts): Promise<JsConsumer> {
  const durable = workConsumerName(options.policy);
  const { consumers } = await jetstreamManager(connection);
  await consumers.add(WORK_STREAM, {
    durable_name: durable,
    filter_subject: workSubjects(options.policy),
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
    ack_wait: ACK_WAIT_MS * NANOS_PER_MS,
    inactive_threshold: INACTIVE_MS * NANOS_PER_MS,
    // What comes again in 1,000 s counts as pending; it must not keep the rest from being delivered.
    max_ack_pending: -1,
  });
  return jetstream(connection).consumers.get(WORK_STREAM, durable);
}

/** Takes as much as there is room for, each piece by itself. */
class WorkConsumer implements Running {
  readonly #parts: WorkConsumerParts;
  readonly #stopping = new AbortController();
  readonly #pulling: Promise<void>;
  readonly #tellWorking: NodeJS.Timeout;
  readonly #held = new Map<JsMsg, Promise<void>>();
  #consumer: JsConsumer;
  #stopped: Promise<void> | undefined;

  constructor(parts: WorkConsumerParts, consumer: JsConsumer) {
    this.#parts = parts;
    this.#consumer = consumer;
    this.#tellWorking = setInterval(() => this.#working(), WORKING_MS);
    this.#pulling = this.#pull();
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#stopping.abort();
    await this.#pulling;
    await Promise.all(this.#held.values());
    clearInterval(this.#tellWorking);
  }

  async #pull(): Promise<void> {
    const { signal } = this.#stopping;
    for (let failures = 0; !signal.aborted; ) {
      try {
        await this.#pullOnce();
        failures = 0;
      } catch (err) {
        this.#parts.log.warn({ err, policy: this.#parts.options.policy }, 'work cannot be pulled now');
        await pause(backoffMs(failures++, RETRY), signal);
        // The consumer may be gone with the server's files, or because nobody used it.
        if (!signal.aborted) this.#consumer = await ensureConsumer(this.#parts).catch(() => this.#consumer);
      }
    }
  }

  async #pullOnce(): Promise<void> {
    const room = this.#parts.options.parallel - this.#held.size;
    if (room <= 0) return void (await Promise.race(this.#held.values()));
    const settings = { max_messages: room, expires: PULL_MS };
    for await (const message of pull(this.#consumer, settings, this.#stopping.signal)) {
      this.#held.set(
        message,
        this.#take(message).finally(() => this.#held.delete(message)),
      );
    }
  }

  async #take(message: JsMsg): Promise<void> {
    const work = readWork(message);
    if (!work) return this.#bury(message);
    const claim = await this.#parts.claims.take(message.subject, this.#stopping.signal);
    if (!claim) return message.nak();
    const end = await this.#handle(message, work, claim);
    // Without the claim it is another one's to settle.
    if (claim.isHeld()) settle(message, end);
    await claim.release();
  }

  async #handle(message: JsMsg, work: WorkMessage, claim: Claim): Promise<WorkEnd> {
    const { options, log } = this.#parts;
    const { timestampNanos, deliveryCount: attempt } = message.info;
    const time = new Date(timestampNanos / NANOS_PER_MS);
    const id = `work-${message.seq}-${time.getTime()}`;
    try {
      return await options.handler({ work, id, time, attempt, signal: claim.signal, isHeld: () => claim.isHeld() });
    } catch (err) {
      log.error({ err, policy: options.policy, subject: message.subject }, 'work failed by our own fault');
      return { kind: 'again' };
    }
  }

  async #bury(message: JsMsg): Promise<void> {
    const { connection, options, log } = this.#parts;
    const reason = 'work cannot be read';
    log.error({ subject: message.subject, sequence: message.seq }, 'work cannot be read, it is kept as a dead letter');
    const letter = { message, stream: WORK_STREAM, durable: workConsumerName(options.policy), reason };
    await putDeadLetter(connection, letter).then(
      () => message.ack(),
      () => message.nak(ACK_WAIT_MS),
    );
  }

  #working(): void {
    for (const message of this.#held.keys()) message.working();
  }
}

function settle(message: JsMsg, end: WorkEnd): void {
  if (end.kind === 'done') message.ack();
  else message.nak(end.kind === 'wait' ? end.delayMs : againMs(message.info.deliveryCount));
}

/** Milliseconds until a piece of work that was delivered so often comes again. */
export const againMs = (deliveries: number): number =>
  Math.min(AGAIN.maxMs, AGAIN.baseMs * 2 ** Math.min(deliveries - 1, 30));

function readWork(message: JsMsg): WorkMessage | undefined {
  try {
    const work = message.json<WorkMessage>();
    return work.schema === 1 ? work : undefined;
  } catch {
    return undefined;
  }
}
