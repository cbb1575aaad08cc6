import http, { type IncomingMessage } from 'node:http';
import https, { type RequestOptions as HttpOptions } from 'node:https';
import { pause } from '@jspolicy/runtime';
import { KubeError } from '../port.ts';
import type { Credentials } from './credentials.ts';
import { errorOfAnswer, unreachable } from './status-error.ts';

export interface HttpRequest {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  path: string;
  body?: unknown;
  signal?: AbortSignal;
  /** Media type that the answer shall have; default application/json. */
  accept?: string;
  /** Silence on the connection after which the answer is given up; default ANSWER_IDLE_MS. */
  idleMs?: number;
  /** Told the length of the answer's text as it comes in pieces; what it throws ends the request. */
  onText?(length: number): void;
}

const ANSWER_IDLE_MS = 30_000;
/** A kept connection is dropped after so long; the API server itself drops it after 90 s. */
const KEPT_IDLE_MS = 60_000;
const RETRIES = 3;
const MAX_RETRY_AFTER_SECONDS = 10;

/** JSON over HTTPS on kept connections. node:https, since undici takes 25 MiB more. */
export class HttpClient {
  readonly #credentials: Credentials;
  readonly #plainAgent = new http.Agent({ keepAlive: true, timeout: KEPT_IDLE_MS });
  #agent: https.Agent | undefined;
  #agentKey = '';

  constructor(credentials: Credentials) {
    this.#credentials = credentials;
  }

  /** The answer's JSON. Throws KubeError; an abort of the signal throws its reason. */
  async json(request: HttpRequest): Promise<unknown> {
    for (let attempt = 0; ; attempt++) {
      const response = await this.open(request);
      const body = await this.#text(response, request);
      const status = response.statusCode ?? 0;
      if (status >= 200 && status < 300) return JSON.parse(body);
      const waitMs = attempt < RETRIES && request.method === 'GET' ? retryAfterMs(response) : undefined;
      if (waitMs === undefined) throw errorOfAnswer(status, body);
      await pause(waitMs, request.signal);
      request.signal?.throwIfAborted();
    }
  }

  /** The answer as a stream when it is a success. Who calls it destroys it. Throws as json() does. */
  async stream(request: HttpRequest): Promise<IncomingMessage> {
    const response = await this.open(request);
    if (response.statusCode === 200) return response;
    throw errorOfAnswer(response.statusCode ?? 0, await this.#text(response, request));
  }

  /** Sends the request. A GET on a kept connection that the server had dropped meanwhile is sent once more. */
  async open(request: HttpRequest): Promise<IncomingMessage> {
    request.signal?.throwIfAborted();
    const options: HttpOptions = { headers: headersOf(request) };
    try {
      await this.#credentials.apply(options);
      return await this.#send(request, options).catch((error: unknown) => {
        if (request.method === 'GET' && error instanceof StaleConnection) return this.#send(request, options);
        throw error;
      });
    } catch (error) {
      throw this.#failure(error instanceof StaleConnection ? error.cause : error, request.signal);
    }
  }

  close(): void {
    this.#agent?.destroy();
    this.#plainAgent.destroy();
  }

  #send(
    { method, path, body, signal, idleMs = ANSWER_IDLE_MS }: HttpRequest,
    options: HttpOptions,
  ): Promise<IncomingMessage> {
    const { server } = this.#credentials;
    const secure = server.protocol === 'https:';
    const agent = options.agent ?? (secure ? this.#secureAgent(options) : this.#plainAgent);
    const { hostname, port } = server;
    const whole = {
      ...options,
      agent,
      method,
      hostname: hostname.replace(/^\[|\]$/g, ''),
      port,
      path: server.pathname.replace(/\/$/, '') + path,
      ...(signal && { signal }),
    };
    return new Promise((resolve, reject) => {
      const request = (secure ? https : http).request(whole, resolve);
      request.setTimeout(idleMs, () => request.destroy(silence(idleMs)));
      request.on('error', (error) => reject(isStale(request, error) ? new StaleConnection(error) : error));
      request.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  /** One agent as long as the certificates are the same; a credential plugin may bring new ones. */
  #secureAgent({ ca, cert, key, servername, rejectUnauthorized }: HttpOptions): https.Agent {
    const agentKey = `${String(cert)}${String(key)}`;
    if (!this.#agent || agentKey !== this.#agentKey) {
      this.#agentKey = agentKey;
      const tls = { ca, cert, key, servername, rejectUnauthorized };
      const given = Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined));
      this.#agent = new https.Agent({ ...given, keepAlive: true, timeout: KEPT_IDLE_MS });
    }
    return this.#agent;
  }

  async #text(response: IncomingMessage, { signal, onText }: HttpRequest): Promise<string> {
    response.setEncoding('utf8');
    let text = '';
    try {
      for await (const chunk of response) {
        text += chunk;
        onText?.(chunk.length);
      }
    } catch (error) {
      if (error instanceof KubeError) throw error;
      throw this.#failure(error, signal);
    }
    return text;
  }

  #failure(error: unknown, signal: AbortSignal | undefined): unknown {
    return signal?.aborted ? signal.reason : unreachable(this.#credentials.server, error);
  }
}

class StaleConnection extends Error {
  constructor(cause: Error) {
    super('the kept connection was closed', { cause });
    this.name = 'StaleConnection';
  }
}

const silence = (idleMs: number): Error =>
  Object.assign(new Error(`nothing was heard for ${idleMs} ms`), { code: 'ETIMEDOUT' });

function isStale(request: http.ClientRequest, error: Error & { code?: string }): boolean {
  return request.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
}

function headersOf({ body, accept = 'application/json' }: HttpRequest): Record<string, string> {
  const common = { Accept: accept, 'User-Agent': 'jspolicy' };
  return body === undefined ? common : { ...common, 'Content-Type': 'application/json' };
}

/** How long the API server asks to wait: only with 429 and 503, and only when it says so. */
function retryAfterMs(response: IncomingMessage): number | undefined {
  const seconds = Number(response.headers['retry-after'] ?? Number.NaN);
  const asked = (response.statusCode === 429 || response.statusCode === 503) && seconds >= 0;
  return asked ? Math.min(seconds, MAX_RETRY_AFTER_SECONDS) * 1000 : undefined;
}
