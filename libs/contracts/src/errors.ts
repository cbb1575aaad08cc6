/** Error codes that cross process borders. docs/errors.md explains each. */

export type Fault = 'caller' | 'author' | 'platform' | 'configuration' | 'bug';

interface ErrorKind {
  status: number;
  fault: Fault;
}

export const ERRORS = {
  BODY_TOO_LARGE: { status: 413, fault: 'caller' },
  UNSUPPORTED_CONTENT_TYPE: { status: 415, fault: 'caller' },
  METHOD_NOT_ALLOWED: { status: 405, fault: 'caller' },
  MALFORMED_REVIEW: { status: 400, fault: 'caller' },
  UNKNOWN_PATH: { status: 404, fault: 'caller' },
  UNKNOWN_POLICY: { status: 404, fault: 'caller' },
  POLICY_FAILED: { status: 500, fault: 'author' },
  NO_EVALUATOR: { status: 503, fault: 'platform' },
  NO_ANSWER: { status: 503, fault: 'platform' },
  OVERLOADED: { status: 503, fault: 'platform' },
  DEADLINE_PASSED: { status: 503, fault: 'platform' },
  BUS_UNAVAILABLE: { status: 503, fault: 'platform' },
  INTERNAL: { status: 500, fault: 'bug' },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;

/** An error with a stable code. The message is what a person reads; the cause is kept. */
export class EngineError extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'EngineError';
    this.code = code;
  }
  get status(): number {
    return ERRORS[this.code].status;
  }
}

/** HTTP status texts as Kubernetes names them in Status.reason. */
const STATUS_REASONS: Record<number, string> = {
  400: 'BadRequest',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  413: 'RequestEntityTooLarge',
  415: 'UnsupportedMediaType',
  500: 'InternalError',
  503: 'ServiceUnavailable',
};

/** A Kubernetes Status: the API server's client reads `message` from it and shows it to the user. */
export function statusBody(status: number, message: string): string {
  const reason = STATUS_REASONS[status] ?? 'InternalError';
  return JSON.stringify({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason,
    code: status,
  });
}
