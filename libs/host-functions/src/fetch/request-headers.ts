import { validateHeaderName, validateHeaderValue } from 'node:http';

export type Headers = Record<string, string>;

/** What the connection decides by itself, whatever a policy says. */
const OWN = ['Host', 'Content-Length', 'Transfer-Encoding', 'Trailer'];
/** What must not reach another host than the one it was meant for. */
const FOR_ONE_HOST = ['Authorization', 'Cookie', 'Cookie2', 'Www-Authenticate'];

/** `content-type` becomes `Content-Type`, as servers' headers are shown to policies; what is no token stays. */
export function canonicalName(name: string): string {
  if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/i.test(name)) return name;
  return name.toLowerCase().replace(/(^|-)[a-z]/g, (start) => start.toUpperCase());
}

/** What is wrong with a header that a policy gave; undefined when all can be sent. */
export function headerProblem(headers: Headers): string | undefined {
  for (const [name, value] of Object.entries(headers)) {
    if (!passes(() => validateHeaderName(name))) return `net/http: invalid header field name ${JSON.stringify(name)}`;
    if (!passes(() => validateHeaderValue(name, asBytes(value)))) {
      return `net/http: invalid header field value for ${JSON.stringify(name)}`;
    }
  }
  return undefined;
}

/**
 * All headers of the first request. A server that looks at User-Agent sees what it has always seen: policies were written
 * against that, and allow-lists of servers know it.
 */
export function firstHeaders(given: Headers, method: string): Headers {
  const named = Object.entries(given).map(([name, value]) => [canonicalName(name), asBytes(value)] as const);
  const chosen = Object.fromEntries(named.filter(([name]) => !OWN.includes(name)));
  const compressed = method !== 'HEAD' && !('Accept-Encoding' in chosen) && !('Range' in chosen);
  return { 'User-Agent': 'Go-http-client/1.1', ...(compressed && { 'Accept-Encoding': 'gzip' }), ...chosen };
}

/** Headers of the next request after a redirect. */
export function nextHeaders(headers: Headers, from: URL, to: URL): Headers {
  const kept = isSameOrBelow(to.hostname, from.hostname)
    ? headers
    : Object.fromEntries(Object.entries(headers).filter(([name]) => !FOR_ONE_HOST.includes(name)));
  if (from.protocol === 'https:' && to.protocol === 'http:') return kept;
  const referer = new URL(from);
  Object.assign(referer, { username: '', password: '', hash: '' });
  return { ...kept, Referer: referer.href };
}

const isSameOrBelow = (host: string, parent: string): boolean => host === parent || host.endsWith(`.${parent}`);

/** Headers are bytes; text goes as UTF-8. */
const asBytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

function passes(check: () => void): boolean {
  try {
    check();
    return true;
  } catch {
    return false;
  }
}
