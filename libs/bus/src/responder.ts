import { EngineError, HEADER, MAX_BODY_BYTES, statusBody } from '@jspolicy/contracts';
import type { Logger } from '@jspolicy/runtime';
import { headers, type Msg, type NatsConnection, type Subscription } from '@nats-io/nats-core';
import { plainHeaders } from './headers.ts';
import type { BusReply, RequestHandler } from './port.ts';
import type { Running } from './running.ts';
import { WORKING_INTERVAL_MS } from './working.ts';

/** Where a request does not say how long it waits. */
const DEFAULT_DEADLINE_MS = 10_000;

interface InFlight {
  message: Msg;
  since: number;
}

/** Answers requests of one subject, and tells askers of longer work that it goes on. */
export class Responder implements Running {
  readonly #handler: RequestHandler;
  readonly #log: Logger;
  readonly #subscription: Subscription;
  readonly #inFlight = new Set<InFlight>();
  readonly #heartbeat: NodeJS.Timeout;
  #idle: (() => void) | undefined;
  #stopped: Promise<void> | undefined;

  constructor(
    connection: NatsConnection,
    options: { subject: string; queue: string; handler: RequestHandler; log: Logger },
  ) {
    this.#handler = options.handler;
    this.#log = options.log;
    this.#subscription = connection.subscribe(options.subject, {
      queue: options.queue,
      callback: (error, message) => {
        if (error) this.#log.error({ err: error }, 'subscription failed');
        else void this.#answer(message);
      },
    });
    this.#heartbeat = setInterval(() => this.#tellWorking(), WORKING_INTERVAL_MS).unref();
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    // Drain first: requests that the server had sent already are still taken.
    await this.#subscription.drain().catch((err: unknown) => this.#log.debug({ err }, 'subscription is gone already'));
    if (this.#inFlight.size > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
    clearInterval(this.#heartbeat);
  }

  async #answer(message: Msg): Promise<void> {
    const entry = { message, since: performance.now() };
    this.#inFlight.add(entry);
    const reply = await this.#evaluate(message);
    this.#inFlight.delete(entry);
    this.#send(message, reply);
    if (this.#inFlight.size === 0) this.#idle?.();
  }

  async #evaluate(message: Msg): Promise<BusReply> {
    const deadlineMs = Number(message.headers?.get(HEADER.deadlineMs) || DEFAULT_DEADLINE_MS);
    try {
      return await this.#handler({
        subject: message.subject,
        body: message.data,
        deadlineMs: Number.isFinite(deadlineMs) ? deadlineMs : DEFAULT_DEADLINE_MS,
        headers: plainHeaders(message),
      });
    } catch (error) {
      if (!(error instanceof EngineError))
        this.#log.error({ err: error, code: 'INTERNAL', subject: message.subject }, 'request failed');
      return errorReply(error);
    }
  }

  #send(message: Msg, given: BusReply): void {
    const reply = given.body.length > MAX_BODY_BYTES ? this.#tooLarge(message, given.body.length) : given;
    const own = headers();
    for (const [name, value] of Object.entries(reply.headers)) own.set(name, value);
    if (reply.status !== 200) own.set(HEADER.status, String(reply.status));
    try {
      message.respond(reply.body, { headers: own });
    } catch (error) {
      this.#log.error({ err: error, subject: message.subject }, 'answer could not be sent');
    }
  }

  #tooLarge({ subject }: Msg, bytes: number): BusReply {
    const error = tooLarge(bytes);
    this.#log.warn({ code: error.code, subject, bytes }, 'the answer is too large to be carried');
    return errorReply(error);
  }

  #tellWorking(): void {
    const before = performance.now() - WORKING_INTERVAL_MS / 2;
    for (const { message, since } of this.#inFlight) {
      if (since > before) continue;
      const working = headers();
      working.set(HEADER.working, '1');
      try {
        message.respond(undefined, { headers: working });
      } catch (error) {
        // The connection is closed: the asker asks somebody else.
        this.#log.debug({ err: error, subject: message.subject }, 'it cannot be told that a request is worked on');
      }
    }
  }
}

const tooLarge = (bytes: number): EngineError =>
  new EngineError('POLICY_FAILED', `the answer has ${bytes} bytes; ${MAX_BODY_BYTES} is the most that is carried`);

function errorReply(error: unknown): BusReply {
  const status = error instanceof EngineError ? error.status : 500;
  const text = error instanceof EngineError ? error.message : 'internal error: see the log of the service';
  return { status, body: new TextEncoder().encode(statusBody(status, text)), headers: {} };
}
