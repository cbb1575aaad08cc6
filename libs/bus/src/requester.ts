import { EngineError, HEADER, MAX_BODY_BYTES } from '@jspolicy/contracts';
import { createInbox, type Msg, type NatsConnection } from '@nats-io/nats-core';
import { plainHeaders, requestHeaders } from './headers.ts';
import type { BusReply, RequestOptions } from './port.ts';
import { nobodyServes, SILENCE_MS } from './working.ts';

/** Wait before asking again where nobody served: an evaluator that restarts is back within a moment. */
const NOBODY_WAIT_MS = 50;

interface Pending {
  subject: string;
  body: Uint8Array;
  headers: Record<string, string> | undefined;
  deadlineAt: number;
  /** What the error says when time runs out: why there was no answer so far. */
  trouble: 'NO_EVALUATOR' | 'NO_ANSWER' | 'BUS_UNAVAILABLE';
  /** How often it was asked, or the answerer said that it works: each time silence begins anew. */
  heard: number;
  silence: NodeJS.Timeout;
  deadline: NodeJS.Timeout;
  settle: { resolve(reply: BusReply): void; reject(error: EngineError): void };
}

/** Requests over one shared inbox, each with a token of its own. */
export class Requester {
  readonly #connection: NatsConnection;
  readonly #inbox: string;
  readonly #pending = new Map<string, Pending>();
  readonly #isConnected: () => boolean;
  #next = 0;

  constructor(connection: NatsConnection, isConnected: () => boolean, prefix?: string) {
    this.#inbox = createInbox(prefix);
    this.#connection = connection;
    this.#isConnected = isConnected;
    connection.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => {
        if (!error) this.#receive(message);
      },
    });
  }

  request(subject: string, body: Uint8Array, options: RequestOptions): Promise<BusReply> {
    if (body.length > MAX_BODY_BYTES) return Promise.reject(new EngineError('BODY_TOO_LARGE', tooLarge(body.length)));
    const token = (this.#next++).toString(36);
    return new Promise((resolve, reject) => {
      const pending: Pending = {
        subject,
        body,
        headers: options.headers,
        deadlineAt: performance.now() + options.deadlineMs,
        trouble: 'NO_ANSWER',
        heard: 0,
        silence: setTimeout(() => this.#meetSilence(token, pending), SILENCE_MS),
        deadline: setTimeout(() => this.#afterInput(() => this.#expire(token, pending)), options.deadlineMs),
        settle: { resolve, reject },
      };
      this.#pending.set(token, pending);
      this.#ask(token, pending);
    });
  }

  /** The server is back: whatever waits is asked anew, because its question or its answer may be lost. */
  askAllAgain(): void {
    for (const [token, pending] of this.#pending) this.#ask(token, pending);
  }

  close(): void {
    for (const [token, pending] of this.#pending) this.#fail(token, pending, 'BUS_UNAVAILABLE');
  }

  /** What came while this process itself stood still is read first: that was no silence. */
  #afterInput(act: () => void): void {
    setImmediate(act);
  }

  #meetSilence(token: string, pending: Pending): void {
    const { heard } = pending;
    this.#afterInput(() => {
      if (pending.heard === heard) this.#ask(token, pending);
    });
  }

  #ask(token: string, pending: Pending): void {
    if (!this.#pending.has(token)) return;
    hear(pending);
    if (!this.#isConnected()) {
      pending.trouble = 'BUS_UNAVAILABLE';
      return;
    }
    if (pending.trouble === 'BUS_UNAVAILABLE') pending.trouble = 'NO_ANSWER';
    const left = pending.deadlineAt - performance.now();
    try {
      this.#connection.publish(pending.subject, pending.body, {
        reply: `${this.#inbox}.${token}`,
        headers: requestHeaders(left, pending.headers),
      });
    } catch {
      // The connection is closed, or is closing.
      this.#fail(token, pending, 'BUS_UNAVAILABLE');
    }
  }

  #receive(message: Msg): void {
    const token = message.subject.slice(this.#inbox.length + 1);
    const pending = this.#pending.get(token);
    if (!pending) return;
    if (nobodyServes(message)) this.#nobody(token, pending);
    else if (message.headers?.has(HEADER.working)) hear(pending);
    else this.#answer(token, pending, message);
  }

  #answer(token: string, pending: Pending, message: Msg): void {
    this.#forget(token, pending);
    const status = Number(message.headers?.get(HEADER.status) || 200);
    pending.settle.resolve({ status, body: message.data, headers: plainHeaders(message) });
  }

  #nobody(token: string, pending: Pending): void {
    pending.trouble = 'NO_EVALUATOR';
    setTimeout(() => this.#ask(token, pending), NOBODY_WAIT_MS);
  }

  #expire(token: string, pending: Pending): void {
    if (!this.#pending.has(token)) return;
    this.#fail(token, pending, pending.trouble);
  }

  #fail(token: string, pending: Pending, code: Pending['trouble']): void {
    this.#forget(token, pending);
    pending.settle.reject(new EngineError(code, TROUBLE[code]));
  }

  #forget(token: string, pending: Pending): void {
    this.#pending.delete(token);
    clearTimeout(pending.silence);
    clearTimeout(pending.deadline);
  }
}

function hear(pending: Pending): void {
  pending.heard++;
  pending.silence.refresh();
}

const tooLarge = (bytes: number): string =>
  `the request has ${bytes} bytes; ${MAX_BODY_BYTES} is the most that is carried`;

const TROUBLE = {
  NO_EVALUATOR: 'nobody serves this subject: no evaluator is running, or none is ready',
  NO_ANSWER: 'no answer in time',
  BUS_UNAVAILABLE: 'no connection to NATS',
};
