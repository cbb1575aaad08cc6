import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

const EVENT = Buffer.from('"specversion":"1.0"');

/** An HTTP server that takes batches of CloudEvents and only counts them. */
export class EventReceiver {
  received = 0;
  readonly #server: Server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    this.received += countOf(Buffer.concat(chunks));
    response.writeHead(204).end();
  });

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  async start(): Promise<this> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done));
    return this;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }
}

function countOf(body: Buffer): number {
  let count = 0;
  for (let at = body.indexOf(EVENT); at >= 0; at = body.indexOf(EVENT, at + EVENT.length)) count++;
  return count;
}
