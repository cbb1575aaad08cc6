import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { createServer as createSecureServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';

export interface Seen {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
  /** Of the client's certificate. */
  client: string | undefined;
}

export interface Answer {
  status: number;
  body?: string;
  headers?: Record<string, string>;
}

/** A server of a test's own: remembers what it is asked, answers as told. */
export class HttpServerForTest {
  readonly seen: Seen[] = [];
  answer: (seen: Seen) => Answer = () => ({ status: 200 });
  readonly #server: Server;
  readonly #scheme: string;

  constructor(tls?: ServerOptions) {
    this.#scheme = tls ? 'https' : 'http';
    this.#server = tls ? createSecureServer(tls) : createServer();
    this.#server.on('request', async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const certificate = tls ? (request.socket as TLSSocket).getPeerCertificate() : undefined;
      const { method = '', url: path = '', headers } = request;
      const seen = { method, path, headers, body: Buffer.concat(chunks), client: certificate?.subject?.CN?.toString() };
      this.seen.push(seen);
      const { status, body = '', headers: own = {} } = this.answer(seen);
      response.writeHead(status, own).end(body);
    });
  }

  get url(): string {
    return `${this.#scheme}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get bodies(): unknown[] {
    return this.seen.map(({ body }) => JSON.parse(body.toString()));
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
