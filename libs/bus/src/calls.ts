import type { Logger } from '@jspolicy/runtime';
import { createInbox, type Msg, type NatsConnection, type PublishOptions } from '@nats-io/nats-core';
import type { Call, Calls, Question, QuestionOptions } from './calls-port.ts';
import type { Running } from './running.ts';
import { nobodyServes } from './working.ts';

/** Where the client has no prefix of its own. */
const DEFAULT_PREFIX = '_INBOX';

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
    const subscription = this.#connection.subscribe(subject, {
      callback: (error, message) => {
        if (error) this.#log.error({ err: error, subject }, 'subscription failed');
        else onMessage(message);
      },
    });
    return { stop: async () => subscription.unsubscribe() };
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
