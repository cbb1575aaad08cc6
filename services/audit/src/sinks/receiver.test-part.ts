import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ViolationEvent } from '@jspolicy/contracts';

/** An HTTP server that takes CloudEvents, one or several in a request, and remembers the order. */
export class Receiver {
  readonly events: ViolationEvent[] = [];
  /** Answers in place of 204, for an event. */
  answer: (event: ViolationEvent) => number | Promise<number> = () => 204;
  /** Of answers that are no 204. */
  body = '';
  #server: Server | undefined;
  #port = 0;

  get url(): string {
    return `http://127.0.0.1:${this.#port}/`;
  }

  get ids(): string[] {
    return this.events.map(({ id }) => id);
  }

  /** Each id once, in the order of its first delivery. */
  get distinct(): string[] {
    return [...new Set(this.ids)];
  }

  async start(): Promise<this> {
    this.#server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const body = JSON.parse(Buffer.concat(chunks).toString()) as ViolationEvent | ViolationEvent[];
      const events = [body].flat();
      const statuses = await Promise.all(events.map((event) => this.answer(event)));
      const status = statuses.find((each) => each >= 300) ?? 204;
      if (status < 300) this.events.push(...events);
      response.writeHead(status).end(status === 204 ? '' : this.body);
    });
    await new Promise<void>((done) => this.#server?.listen(this.#port, '127.0.0.1', done));
    this.#port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  /** Before an answer is told. */
  dropConnections(): void {
    this.#server?.closeAllConnections();
  }

  async stop(): Promise<void> {
    this.dropConnections();
    if (this.#server?.listening) await new Promise((done) => this.#server?.close(done));
  }
}
