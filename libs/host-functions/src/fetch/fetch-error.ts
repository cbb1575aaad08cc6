import { HostCallError } from '@jspolicy/sandbox';

/** What fetchSync() throws in a policy: `fetchSync: ` and this message, as a text. */
export const fetchError = (message: string, cause?: unknown): HostCallError =>
  new HostCallError('FetchSync', message, { cause });

/** The error of a request: `Get "http://host/": message`. */
export function requestError(method: string, url: string, message: string, cause?: unknown): HostCallError {
  const verb = method.slice(0, 1).toUpperCase() + method.slice(1).toLowerCase();
  return fetchError(`${verb} ${JSON.stringify(url)}: ${message}`, cause);
}

type SystemError = Error & { code?: string; address?: string; port?: number; hostname?: string };

/** What went wrong on the way to a server or with its certificate, in words for people who write policies. */
export function connectionProblem(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code = '', address, port, hostname, message } = firstOf(error);
  if (code === 'ECONNREFUSED') return `dial tcp ${address}:${port}: connect: connection refused`;
  if (code === 'ENOTFOUND') return `dial tcp: lookup ${hostname}: no such host`;
  if (code === 'ECONNRESET') return 'EOF: the server closed the connection without an answer';
  if (/CERT|VERIFY|^ERR_TLS/.test(code)) return `tls: the certificate is not trusted: ${message} (${code})`;
  return message || code;
}

/** When several addresses of a name were tried. */
const firstOf = (error: SystemError): SystemError =>
  error instanceof AggregateError && error.errors[0] instanceof Error ? error.errors[0] : error;
