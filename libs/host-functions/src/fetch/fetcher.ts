import http, { type IncomingMessage, type RequestOptions } from 'node:http';
import https from 'node:https';
import { connectionProblem, requestError } from './fetch-error.ts';
import { grantProblem, guardedLookup, portOf } from './guarded-lookup.ts';
import { HostGrants } from './host-grants.ts';
import type { Headers } from './request-headers.ts';
import { shownUrl } from './request-url.ts';

export interface HttpRequest {
  url: URL;
  /** As the policy wrote it, or a server that redirected. */
  text: string;
  method: string;
  /** Of the first request: errors tell this one. */
  firstMethod: string;
  headers: Headers;
  body: string;
  /** Whoever answers is believed: certificates are not looked at. */
  insecure: boolean;
  signal: AbortSignal;
}

/** A kept connection is dropped after so long. */
const KEPT_IDLE_MS = 30_000;
/** Sent once more when a kept connection turns out to be closed: twice is as good as once. */
const REPEATABLE = ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'];

/** Sends requests to granted hosts, on kept connections. Whoever makes it closes it. */
export class Fetcher {
  readonly #grants: HostGrants;
  readonly #plain = new http.Agent({ keepAlive: true, timeout: KEPT_IDLE_MS });
  readonly #secure = new https.Agent({ keepAlive: true, timeout: KEPT_IDLE_MS });
  // Of its own: a connection whose server was not checked must never serve a request that wants it checked.
  readonly #insecure = new https.Agent({ keepAlive: true, timeout: KEPT_IDLE_MS, rejectUnauthorized: false });

  /** Throws Error for an entry that is none; see HostGrants. */
  constructor(hosts: readonly string[]) {
    this.#grants = new HostGrants(hosts);
  }

  /** The answer, whatever its status; its body is the caller's to read. Throws HostCallError. */
  async send(request: HttpRequest): Promise<IncomingMessage> {
    const { url, text, firstMethod } = request;
    const fail = (problem: string, cause?: unknown) => requestError(firstMethod, shownUrl(text), problem, cause);
    const problem = grantProblem(url, this.#grants);
    if (problem) throw fail(problem);
    try {
      return await this.#attempt(request).catch((error: unknown) => {
        if (error instanceof StaleConnection) return this.#attempt(request);
        throw error;
      });
    } catch (error) {
      const cause = error instanceof StaleConnection ? error.cause : error;
      throw fail(connectionProblem(cause), cause);
    }
  }

  close(): void {
    for (const agent of [this.#plain, this.#secure, this.#insecure]) agent.destroy();
  }

  #attempt({ url, method, headers, body, insecure, signal }: HttpRequest): Promise<IncomingMessage> {
    const secure = url.protocol === 'https:';
    const agent = !secure ? this.#plain : insecure ? this.#insecure : this.#secure;
    const length = body === '' ? {} : { 'Content-Length': Buffer.byteLength(body) };
    const options: RequestOptions = {
      method,
      headers: { ...headers, ...length },
      agent,
      signal,
      lookup: guardedLookup(portOf(url), this.#grants),
    };
    return new Promise((resolve, reject) => {
      const request = (secure ? https : http).request(url, options, resolve);
      const failed = (error: Error & { code?: string }) => {
        const stale = request.reusedSocket && error.code === 'ECONNRESET' && REPEATABLE.includes(method);
        reject(stale ? new StaleConnection(error) : error);
      };
      request.once('error', failed);
      // An answer that is no answer (101, or that to CONNECT) ends in nothing but this.
      request.once('close', () => failed(new Error('the server gave no answer that can be read')));
      // As bytes: Node.js would send the headers in the encoding of a text.
      request.end(body === '' ? undefined : Buffer.from(body));
    });
  }
}

class StaleConnection extends Error {
  constructor(cause: Error) {
    super('the kept connection was closed', { cause });
    this.name = 'StaleConnection';
  }
}
