import { EngineError, ERRORS } from '@jspolicy/contracts';
import { backoffMs, type Logger } from '@jspolicy/runtime';
import type { JsMsg } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { putDeadLetter } from './dead-letters.ts';
import { OwnFailures } from './own-failures.ts';
import { streamMessage } from './stream-message.ts';
import type { ConsumeOptions, Unhandled } from './stream-port.ts';

const RETRY = { baseMs: 200, maxMs: 30_000 };
/** A message is given up when it failed so often by its own fault. */
const MAX_FAILURES = 5;
/** A batch that fails as a whole is handled in so many parts, and each of these again, until the culprit is alone. */
const PARTS = 8;

/** Has messages handled, and settles each one: acknowledged, delivered again later, or kept as a dead letter. */
export class BatchHandler {
  readonly #connection: NatsConnection;
  readonly #options: ConsumeOptions;
  readonly #log: Logger;
  readonly #stopping: AbortSignal;
  readonly #failures = new OwnFailures();

  /** stopping: what fails from then on may fail because of that, and is no fault of the message. */
  constructor(parts: { connection: NatsConnection; options: ConsumeOptions; log: Logger; stopping: AbortSignal }) {
    this.#connection = parts.connection;
    this.#options = parts.options;
    this.#log = parts.log;
    this.#stopping = parts.stopping;
  }

  /** Never rejects. */
  async handle(messages: JsMsg[]): Promise<void> {
    const unhandled = new Map((await this.#ask(messages)).map((each) => [each.sequence, each]));
    const again = [...unhandled.values()].filter(({ fate }) => fate !== 'dead');
    const { stream, durable } = this.#options;
    if (again.length > 0)
      this.#log.warn({ stream, durable, messages: again.length, why: again[0]?.reason }, 'messages come again');
    // What failed together comes together. The server takes whole milliseconds; anything else it takes for none.
    const deliveries = Math.max(...messages.map(({ info }) => info.deliveryCount));
    const delayMs = Math.ceil(backoffMs(deliveries, RETRY));
    await Promise.all(messages.map((message) => this.#trySettle(message, unhandled.get(message.seq), delayMs)));
  }

  async #ask(messages: JsMsg[]): Promise<Unhandled[]> {
    try {
      return (await this.#options.handler(messages.map(streamMessage))) ?? [];
    } catch (error) {
      if (isPlatforms(error)) return messages.map(({ seq }) => failed(seq, 'wait', error));
      const [only, ...more] = messages;
      if (only && more.length === 0) return [failed(only.seq, 'again', error)];
      return this.#askInParts(messages);
    }
  }

  async #askInParts(messages: JsMsg[]): Promise<Unhandled[]> {
    const size = Math.ceil(messages.length / PARTS);
    const unhandled: Unhandled[] = [];
    for (let from = 0; from < messages.length; from += size)
      unhandled.push(...(await this.#ask(messages.slice(from, from + size))));
    return unhandled;
  }

  async #trySettle(message: JsMsg, unhandled: Unhandled | undefined, delayMs: number): Promise<void> {
    try {
      await this.#settle(message, unhandled, delayMs);
    } catch (err) {
      const { stream, durable } = this.#options;
      this.#log.warn({ err, stream, durable, sequence: message.seq }, 'message cannot be settled, it comes again');
    }
  }

  async #settle(message: JsMsg, unhandled: Unhandled | undefined, delayMs: number): Promise<void> {
    const dead = unhandled && this.#whyDead(message, unhandled);
    if (unhandled && (dead === undefined || !(await this.#bury(message, dead)))) return message.nak(delayMs);
    this.#failures.forget(message);
    message.ack();
  }

  /** undefined: it comes again. */
  #whyDead(message: JsMsg, { fate, reason }: Unhandled): string | undefined {
    if (fate === 'dead') return reason;
    if (fate === 'wait' || this.#stopping.aborted) return undefined;
    const failures = this.#failures.count(message);
    return failures >= MAX_FAILURES ? `failed ${failures} times: ${reason}` : undefined;
  }

  /** Whether the dead letter is safe. */
  async #bury(message: JsMsg, reason: string): Promise<boolean> {
    const { stream, durable, onDead } = this.#options;
    const about = { stream, durable, subject: message.subject, sequence: message.seq };
    try {
      await putDeadLetter(this.#connection, { message, stream, durable, reason });
    } catch (err) {
      this.#log.warn({ ...about, err }, 'dead letter was not taken, the message comes again');
      return false;
    }
    this.#log.error({ ...about, why: reason }, 'message cannot be handled, it is kept as a dead letter');
    try {
      onDead?.(streamMessage(message), reason);
    } catch (err) {
      this.#log.error({ ...about, err }, 'the listener of dead letters failed');
    }
    return true;
  }
}

/** The message is not to blame, and the same may succeed later. */
const isPlatforms = (error: unknown): boolean =>
  error instanceof EngineError && ERRORS[error.code].fault === 'platform';

const failed = (sequence: number, fate: Unhandled['fate'], error: unknown): Unhandled => ({
  sequence,
  fate,
  reason: error instanceof Error ? error.message : String(error),
});
