import type { JsPolicyViolations, ViolationEntry, ViolationEvent } from '@jspolicy/contracts';
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

type ViolationsStatus = NonNullable<JsPolicyViolations['status']>;

export interface Delivery {
  /** Position in the stream. */
  sequence: number;
  event: ViolationEvent;
}

/**
 * The status with the delivered events: the latest `size` of all entries, in the stream's order. The order of
 * deliveries and repeated ones change nothing. Entries of unknown position (of an earlier engine, or of a stream that
 * was made anew since) count as older than all others.
 */
export function mergeViolations(
  status: ViolationsStatus | undefined,
  deliveries: Delivery[],
  { size, stream }: { size: number; stream: string },
): ViolationsStatus {
  const entries = status?.violations ?? [];
  const positions = status?.stream === stream ? (status.sequences ?? []).slice(-entries.length || Infinity) : [];
  const older = entries.slice(0, entries.length - positions.length);
  const bySequence = new Map(positions.map((sequence, index) => [sequence, entries[older.length + index]]));
  for (const { sequence, event } of deliveries) bySequence.set(sequence, violationEntry(event));
  const sequences = [...bySequence.keys()].sort((a, b) => a - b).slice(-size);
  const known = sequences.map((sequence) => bySequence.get(sequence)).filter((entry) => entry !== undefined);
  return { violations: [...older, ...known].slice(-size), sequences, stream };
}
