import { KubeError } from '../port.ts';

/** Reasons of answers that carry no Status, as the API server names them. */
const REASONS: Record<number, string> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  409: 'Conflict',
  410: 'Expired',
  413: 'RequestEntityTooLarge',
  415: 'UnsupportedMediaType',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

interface Status {
  kind?: unknown;
  code?: unknown;
  reason?: unknown;
  message?: unknown;
}

/** The error that an answer means. A body that is no Status is shown by its first characters. */
export function errorOfAnswer(status: number, body: string): KubeError {
  return errorOfStatus(parsed(body), status, body.slice(0, 256).trim());
}

/** The error that a Status object means; `status` and `text` stand in for what it does not say. */
export function errorOfStatus(value: unknown, status: number, text = ''): KubeError {
  const body: Status = typeof value === 'object' && value !== null ? value : {};
  const code = typeof body.code === 'number' ? body.code : status;
  const given = typeof body.reason === 'string' && body.reason !== '' ? body.reason : undefined;
  const message = typeof body.message === 'string' && body.message !== '' ? body.message : text;
  return new KubeError(code, given ?? REASONS[code] ?? 'Unknown', message || `the API server answered ${code}`);
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** No answer came: status 0, so that it is told apart from a 503 that the API server gave. */
export const unreachable = (server: URL, cause: unknown): KubeError =>
  new KubeError(0, 'ServiceUnavailable', `${server.origin}: ${cause instanceof Error ? cause.message : cause}`, {
    cause,
  });

export const isExpired = (error: unknown): boolean => error instanceof KubeError && error.status === 410;
