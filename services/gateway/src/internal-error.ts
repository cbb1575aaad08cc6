import { EngineError } from '@jspolicy/contracts';
import type { Logger } from '@jspolicy/runtime';

/** The API server writes the uid in front; a body is not parsed only for a line in the log. */
const HEAD_BYTES = 4096;
const UID = /"uid"\s*:\s*"([^"\\]{1,100})"/;

/** Logs what must not happen, with the review that it happened to. The caller gets no details of it. */
export function internalError(
  err: unknown,
  { policy, body }: { policy?: string | undefined; body: Uint8Array | undefined },
  log: Logger,
): EngineError {
  const head = body ? new TextDecoder().decode(body.subarray(0, HEAD_BYTES)) : '';
  log.error({ err, code: 'INTERNAL', policy, uid: UID.exec(head)?.[1] }, 'review failed');
  return new EngineError('INTERNAL', 'internal error: see the log of the gateway', { cause: err });
}
