import type { Logger } from '@jspolicy/runtime';
import { createInbox, type Msg, type NatsConnection, type PublishOptions, type Subscription } from '@nats-io/nats-core';
import type { Call, Calls, Question, QuestionOptions } from './calls-port.ts';
import type { Running } from './running.ts';
import { nobodyServes } from './working.ts';

/** Where the client has no prefix of its own. */
const DEFAULT_PREFIX = '_INBOX';
/** A server that does not permit it yet gets a new configuration some day: an upgrade changes servers and services one by one. */
const AGAIN_MS = 5_000;

export class ConnectionCalls implements Calls {
  readonly #connection: NatsConnection;
  readonly #log: Logger;
  readonly #prefix: string;

  constructor(connection: NatsConnection, log: Logger, prefix = DEFAULT_PREFIX) {
    this.#connection = connection;
    this.#log = log;
    this.#prefix = prefix;
  }

  tell(subject: string, body: Uint8Array): void {
    this.#publish(subject, body);
  }

  listen(subject: string, onCall: (call: Call) => void): Running {
    return this.#subscribe(subject, (message) => {
      const { reply } = message;
      const answer = (body: Uint8Array) => reply && this.#publish(reply, body);
      onCall({ subject: message.subject, body: message.data, answer });
    });
  }

  question(subject: string, body: Uint8Array, { answersBelow, onAnswer }: QuestionOptions): Question {
    const reply = createInbox(`${this.#prefix}.${answersBelow}`);
    const answers = this.#subscribe(reply, (message) => {
      if (!nobodyServes(message)) onAnswer(message.data);
    });
    return { ask: () => this.#publish(subject, body, { reply }), stop: () => answers.stop() };
  }

  #subscribe(subject: string, onMessage: (message: Msg) => void): Running {
    return new Listening(this.#connection, { subject, onMessage, log: this.#log });
  }

  #publish(subject: string, body: Uint8Array, options: PublishOptions = {}): void {
    try {
      this.#connection.publish(subject, body, options);
    } catch (err) {
      // The connection is closed, or is closing.
      this.#log.debug({ err, subject }, 'nobody can be told any more');
    }
  }
}

interface ListeningParts {
  subject: string;
  onMessage(message: Msg): void;
  log: Logger;
}

/** A subscription that the server refuses is gone for good with the client: another one is tried. */
class Listening implements Running {
  readonly #connection: NatsConnection;
  readonly #parts: ListeningParts;
  #subscription: Subscription;
  #again: NodeJS.Timeout | undefined;
  #stopped = false;
  #told = false;

  constructor(connection: NatsConnection, parts: ListeningParts) {
    this.#connection = connection;
    this.#parts = parts;
    this.#subscription = this.#begin();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#again);
    this.#subscription.unsubscribe();
  }

  #begin(): Subscription {
    return this.#connection.subscribe(this.#parts.subject, {
      callback: (error, message) => {
        if (error) this.#refused(error);
        else this.#parts.onMessage(message);
      },
    });
  }

  #refused(err: Error): void {
    const { log, subject } = this.#parts;
    if (!this.#told) log.error({ err, subject }, 'subscription failed, it is tried again');
    this.#told = true;
    if (this.#stopped) return;
    clearTimeout(this.#again);
    this.#again = setTimeout(() => {
      if (!this.#connection.isClosed()) this.#subscription = this.#begin();
    }, AGAIN_MS).unref();
  }
}
