import type { IncomingMessage } from 'node:http';
import { HostCallError } from '@jspolicy/sandbox';
import { CallOptions } from '../call-options.ts';
import { fetchError, requestError } from './fetch-error.ts';
import type { Fetcher, HttpRequest } from './fetcher.ts';
import { canonicalName, firstHeaders, headerProblem, nextHeaders } from './request-headers.ts';
import { requestUrl, shownUrl } from './request-url.ts';
import { responseBody } from './response-body.ts';

/** As many requests as one call makes. */
const MAX_REQUESTS = 10;

/** What the policy's side makes its answer of. */
export interface FetchResult {
  status: number;
  statusText: string;
  ok: boolean;
  /** Names in canonical form; of a name that comes more than once, the first value. */
  headers: Record<string, string>;
  /** undefined when it is empty. */
  body: string | undefined;
}

/**
 * fetchSync(url, {method, headers, body, insecure}?): follows redirects, each checked like the first request. Any status is
 * an answer; what is none throws a HostCallError whose message begins as jsPolicy's texts do.
 */
export async function fetchSync(args: unknown[], fetcher: Fetcher, signal: AbortSignal): Promise<FetchResult> {
  const [text, given] = args;
  if (typeof text !== 'string') throw fetchError('url is not a string');
  let request = firstRequest(text, given, signal);
  for (let sent = 1; ; sent++) {
    const response = await fetcher.send(request);
    const location = redirectOf(response);
    if (location === undefined) return resultOf(response, request);
    response.destroy();
    if (sent === MAX_REQUESTS) throw requestError(request.firstMethod, location, `stopped after ${sent} redirects`);
    request = nextRequest(request, response.statusCode ?? 0, location);
  }
}

function firstRequest(text: string, given: unknown, signal: AbortSignal): HttpRequest {
  const options = fetchOptions(given);
  const method = (options.method || 'GET').toUpperCase();
  if (!/^[!#$%&'*+.^_`|~0-9A-Z-]+$/.test(method)) {
    throw fetchError(`create request: net/http: invalid method ${JSON.stringify(method)}`);
  }
  const url = requestUrl(text, method);
  const problem = headerProblem(options.headers);
  if (problem) throw requestError(method, shownUrl(text), problem);
  const { body, insecure } = options;
  const headers = firstHeaders(options.headers, method);
  return { url, text, method, firstMethod: method, headers, body, insecure, signal };
}

function fetchOptions(given: unknown) {
  try {
    const options = new CallOptions(given, 'FetchOptions');
    return {
      method: options.text('method'),
      headers: options.texts('headers'),
      insecure: options.flag('insecure') ?? false,
      body: options.text('body') ?? '',
    };
  } catch (error) {
    if (error instanceof HostCallError) throw fetchError(`error unmarshalling options: ${error.message}`);
    throw error;
  }
}

/** A redirect that says no place is an answer like others. */
function redirectOf({ statusCode = 0, headers }: IncomingMessage): string | undefined {
  return [301, 302, 303, 307, 308].includes(statusCode) ? headers.location || undefined : undefined;
}

function nextRequest(request: HttpRequest, status: number, location: string): HttpRequest {
  const { url: from, firstMethod, method, body } = request;
  if (!URL.canParse(location, from.href)) {
    throw requestError(firstMethod, location, `failed to parse Location header ${JSON.stringify(location)}`);
  }
  const { href } = new URL(location, from);
  const url = requestUrl(href, firstMethod);
  const headers = nextHeaders(request.headers, from, url);
  const repeated = status === 307 || status === 308;
  const safe = method === 'GET' || method === 'HEAD';
  return {
    ...request,
    url,
    text: href,
    headers,
    method: repeated || safe ? method : 'GET',
    body: repeated ? body : '',
  };
}

async function resultOf(response: IncomingMessage, { headers, method }: HttpRequest): Promise<FetchResult> {
  const { statusCode: status = 0, statusMessage = '' } = response;
  const compressed =
    headers['Accept-Encoding'] === 'gzip' && /^gzip$/i.test(response.headers['content-encoding'] ?? '');
  const body = await responseBody(response, compressed && method !== 'HEAD');
  return {
    status,
    statusText: `${status} ${statusMessage}`.trim(),
    ok: status >= 200 && status < 300,
    headers: headersOf(response, compressed),
    body: body.length === 0 ? undefined : body.toString('utf8'),
  };
}

/** How the body was packed on the way is not shown. */
function headersOf({ rawHeaders }: IncomingMessage, unpacked: boolean): Record<string, string> {
  const hidden = ['Transfer-Encoding', 'Trailer', ...(unpacked ? ['Content-Encoding', 'Content-Length'] : [])];
  const headers = new Map<string, string>();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = canonicalName(rawHeaders[index] ?? '');
    const value = Buffer.from(rawHeaders[index + 1] ?? '', 'latin1').toString('utf8');
    if (!hidden.includes(name) && !headers.has(name)) headers.set(name, value);
  }
  return Object.fromEntries([...headers].sort(([a], [b]) => (a < b ? -1 : 1)));
}
