import { Agent, request } from 'node:https';
import type { HttpAnswer } from './answers.ts';

const REQUEST_TIMEOUT_MS = 15_000;

/** HTTPS over a fixed number of connections that stay open. */
export class KeepAliveClient {
  readonly #agent: Agent;
  readonly #port: number;
  readonly #headers: Record<string, string>;

  constructor(options: { port: number; ca: Buffer; connections?: number; headers?: Record<string, string> }) {
    this.#port = options.port;
    this.#agent = new Agent({ keepAlive: true, maxSockets: options.connections ?? 1, ca: options.ca });
    this.#headers = { 'content-type': 'application/json', ...options.headers };
  }

  /** Rejects when there is no whole answer in 15 s. */
  send(method: string, path: string, body?: Buffer): Promise<HttpAnswer> {
    const headers = body ? { ...this.#headers, 'content-length': body.length } : this.#headers;
    const options = { host: '127.0.0.1', port: this.#port, method, path, headers, agent: this.#agent };
    return new Promise((resolve, reject) => {
      const sent = request({ ...options, timeout: REQUEST_TIMEOUT_MS }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.once('error', reject);
        answer.once('end', () =>
          resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
        );
      });
      sent.once('timeout', () => sent.destroy(new Error(`${method} ${path}: no answer in time`)));
      sent.once('error', reject);
      sent.end(body);
    });
  }

  post(path: string, body: Buffer): Promise<HttpAnswer> {
    return this.send('POST', path, body);
  }

  close(): void {
    this.#agent.destroy();
  }
}
