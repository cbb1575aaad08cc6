import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A server that policies wait for, until the test lets them go on: whatever the machine, they are in the middle. */
export class Gate {
  readonly #server: Server;
  readonly #waiting = new Set<ServerResponse>();
  #isClosed = false;

  static async start(): Promise<Gate> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new Gate(server);
  }

  constructor(server: Server) {
    this.#server = server;
    server.on('request', (_request, response) => {
      if (!this.#isClosed) return void response.end();
      this.#waiting.add(response);
      response.once('close', () => this.#waiting.delete(response));
    });
  }

  /** What an evaluator needs, so that policies may ask. */
  get env(): Record<string, string> {
    return { FETCH_HOSTS: this.#host };
  }

  /** A policy's code that passes here. */
  get code(): string {
    return `fetchSync("http://${this.#host}/")`;
  }

  /** From now on who comes waits. */
  close(): void {
    this.#isClosed = true;
  }

  open(): void {
    this.#isClosed = false;
    for (const response of this.#waiting) response.end();
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get #host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }
}
