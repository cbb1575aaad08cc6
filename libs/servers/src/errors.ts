/** Stable codes: they cross process borders, where instanceof does not. */
export type ServersErrorCode =
  | 'SERVER_MISCONFIGURED'
  | 'SERVER_NOT_FOUND'
  | 'SERVER_DOWNLOAD_REFUSED'
  | 'SERVER_NOT_STARTED';

export class ServersError extends Error {
  readonly code: ServersErrorCode;

  constructor(code: ServersErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ServersError';
    this.code = code;
  }
}

/** The words of an error, with those of its cause: fetch hides why it failed there. */
export function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
