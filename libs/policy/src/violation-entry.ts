import type { ViolationEntry, ViolationEvent } from '@jspolicy/contracts';
import { cutUtf8 } from './cut.ts';
import { filled } from './filled.ts';

/** In the status. The API's own limit for such texts; what is longer ends in three dots. */
const MAX_ENTRY_MESSAGE_BYTES = 256;

/** The event as it stands in JsPolicyViolations: message at most 256 bytes, whole seconds, empty fields left out. */
export function violationEntry(event: ViolationEvent): ViolationEntry {
  const { action, code, reason, message, request, user } = event.data;
  const { name, namespace, kind, apiVersion, operation } = request;
  return {
    action,
    code,
    ...(reason ? { reason } : {}),
    ...(message ? { message: shortened(message) } : {}),
    requestInfo: filled({ name, namespace, kind, apiVersion, operation }),
    userInfo: filled({ username: user.username, uid: user.uid }),
    timestamp: `${new Date(event.time).toISOString().slice(0, 'yyyy-mm-ddThh:mm:ss'.length)}Z`,
  };
}

const shortened = (message: string): string =>
  Buffer.byteLength(message) <= MAX_ENTRY_MESSAGE_BYTES
    ? message
    : `${cutUtf8(message, MAX_ENTRY_MESSAGE_BYTES - 3)}...`;
