import { type IncomingMessage, Agent as PlainAgent, request as plainRequest } from 'node:http';
import { Agent, request } from 'node:https';
import type { AddressSet } from '@jspolicy/runtime';
import { type Field, headers, type SettingsOf, secret, secretHeaders, text } from './fields.ts';
import { AnsweredError, BusyError, RefusedError, type SinkContext } from './port.ts';
import { checkAddress, guardedLookup } from './reach.ts';
import { tlsFields, tlsOptions, tlsProblems } from './tls-settings.ts';

/** What every sink that speaks HTTP can be told beside its URL. */
export const httpFields = {
  headers: headers(),
  secretHeaders: secretHeaders(),
  bearerTokenSecret: secret(),
  username: text(),
  passwordSecret: secret(),
  ...tlsFields,
} satisfies Record<string, Field<unknown>>;

type HttpSettings = Partial<SettingsOf<typeof httpFields>>;

/** What is wrong between these settings. */
export function httpProblems(settings: Record<string, unknown>): string[] {
  const has = (key: string) => settings[key] !== undefined;
  return [
    ...(has('bearerTokenSecret') && has('username') ? ['bearerTokenSecret and username exclude each other'] : []),
    ...(has('username') !== has('passwordSecret') ? ['username and passwordSecret belong together'] : []),
    ...tlsProblems(settings),
  ];
}

export interface HttpAnswer {
  status: number;
  headers: IncomingMessage['headers'];
  /** At most MAX_ANSWER_BYTES of it. */
  body: string;
}

export interface HttpRequest {
  method?: string;
  url: string;
  headers?: Record<string, string>;
  body: string | Uint8Array;
  signal: AbortSignal;
}

/** Answers are looked at for their errors; an Elasticsearch tells about each event. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
/** What of an answer goes into an error: more than is told of it, so that no secret is cut before it is taken out. */
export const MAX_SHOWN = 8_192;
/** Shorter than what servers and the things between keep idle connections. */
const KEEP_ALIVE_MS = 4_000;

/** A connection to one server, kept alive between requests. */
export class HttpClient {
  readonly #agent: Agent | PlainAgent;
  readonly #headers: Record<string, string>;
  readonly #secure: boolean;

  readonly #refused: AddressSet;

  /** `refused`: addresses that are not connected to. */
  constructor(url: string, settings: HttpSettings, { refused }: Pick<SinkContext, 'refused'>) {
    this.#secure = url.startsWith('https:');
    this.#refused = refused;
    const alive = {
      keepAlive: true,
      keepAliveMsecs: KEEP_ALIVE_MS,
      timeout: KEEP_ALIVE_MS,
      maxSockets: 1,
      lookup: guardedLookup(refused),
    };
    this.#agent = this.#secure ? new Agent({ ...alive, ...tlsOptions(settings) }) : new PlainAgent(alive);
    this.#headers = lowerCase({ ...authorization(settings), ...settings.headers, ...trimmed(settings.secretHeaders) });
  }

  /** Resolves with any answer; redirects are not followed. Rejects when there is none, or the signal aborts. */
  async send({ method = 'POST', url, headers: own = {}, body, signal }: HttpRequest): Promise<HttpAnswer> {
    checkAddress(new URL(url).hostname, this.#refused);
    const send = this.#secure ? request : plainRequest;
    const length = String(Buffer.byteLength(body));
    const all = { 'user-agent': 'jspolicy', ...this.#headers, ...lowerCase(own), 'content-length': length };
    return new Promise((resolve, reject) => {
      const sent = send(url, { method, agent: this.#agent, headers: all, signal }, (response) => {
        readAnswer(response).then(resolve, reject);
      });
      sent.on('error', reject);
      sent.end(body);
    });
  }

  /** The same; throws unless the answer says that the server has it. */
  async post(wanted: HttpRequest): Promise<HttpAnswer> {
    const answer = await this.send(wanted);
    checkAnswer(answer);
    return answer;
  }

  close(): void {
    this.#agent.destroy();
  }
}

function authorization({ bearerTokenSecret, username, passwordSecret }: HttpSettings): Record<string, string> {
  if (bearerTokenSecret !== undefined) return { authorization: `Bearer ${bearerTokenSecret.trim()}` };
  if (username === undefined) return {};
  return { authorization: `Basic ${Buffer.from(`${username}:${passwordSecret}`).toString('base64')}` };
}

/** A line's end at the end of a Secret is none of the header. */
const trimmed = (values: Record<string, string> = {}): Record<string, string> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value.trim()]));

/** Names that differ in nothing else are the same header. */
const lowerCase = (values: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name.toLowerCase(), value]));

async function readAnswer(response: IncomingMessage): Promise<HttpAnswer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    if (bytes < MAX_ANSWER_BYTES) chunks.push(chunk);
    bytes += chunk.length;
  }
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString('utf8') };
}

/** Longer than this no server makes a sink wait. */
const MAX_ASKED_MS = 300_000;

/** The request itself is wrong, so that the same one gets the same answer. Credentials and paths can be mended. */
const REFUSALS = [400, 413, 414, 422, 431];

/** Throws RefusedError, BusyError or another Error unless the status is 2xx. */
function checkAnswer({ status, headers: { 'retry-after': retryAfter }, body }: HttpAnswer): void {
  if (status >= 200 && status < 300) return;
  const shown = body.replace(/\s+/g, ' ').trim().slice(0, MAX_SHOWN);
  const message = `the server answered ${status}${shown && `: ${shown}`}`;
  if (REFUSALS.includes(status)) throw new RefusedError(message);
  const askedMs = askedMsOf(retryAfter);
  if (askedMs > 0) throw new BusyError(message, askedMs);
  throw new AnsweredError(message);
}

/** Retry-After: seconds, or a date. 0 for anything else. */
function askedMsOf(retryAfter = '', now = Date.now()): number {
  const askedMs = /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1000 : Date.parse(retryAfter) - now;
  return askedMs > 0 ? Math.min(askedMs, MAX_ASKED_MS) : 0;
}
