import { createHash } from 'node:crypto';
import {
  type JsPolicyViolations,
  MAX_EVENT_MESSAGE_BYTES,
  type PolicyRecord,
  type UserInfo,
  type ViolationEntry,
  type ViolationEvent,
} from '@jspolicy/contracts';
import { cutUtf8 } from './cut.ts';
import type { Violation } from './decision.ts';
import type { ReviewInfo } from './verdict.ts';

/** In the status. The API's own limit for such texts; what is longer ends in three dots. */
const MAX_ENTRY_MESSAGE_BYTES = 256;

/** A uid as the API server makes them. Anything else could break the header that carries the id. */
const PLAIN_UID = /^[A-Za-z0-9-]{1,64}$/;

/** Other texts: longer than any name that Kubernetes accepts. A posted review may have anything. */
const MAX_TEXT_BYTES = 1024;
/** A user with more groups and extra fields than this is told by name and uid alone. */
const MAX_USER_BYTES = 16 * 1024;

interface Happening {
  record: PolicyRecord;
  review: ReviewInfo;
  violation: Violation;
  time: Date;
  evaluator: string;
}

/**
 * The event of a violation. The same review and policy give the same id, whoever evaluates them. Its size is bounded,
 * whatever the review holds.
 */
export function violationEvent({ record, review, violation, time, evaluator }: Happening): ViolationEvent {
  const { action, code, reason, message } = violation;
  return {
    schema: 1,
    id: `${plainUid(review.uid || `${evaluator} ${time.getTime()}`)}.${record.name}`,
    policy: record.name,
    policyUid: record.uid,
    generation: record.generation,
    ...(record.bundle ? { bundleDigest: record.bundle.digest } : {}),
    type: record.type,
    action,
    code,
    ...(reason ? { reason: cutUtf8(reason, MAX_TEXT_BYTES) } : {}),
    ...(message ? { message: cutUtf8(message, MAX_EVENT_MESSAGE_BYTES) } : {}),
    requestInfo: requestInfo(review),
    user: boundedUser(review.userInfo),
    dryRun: review.dryRun,
    time: time.toISOString(),
    evaluator,
  };
}

const plainUid = (uid: string): string => (PLAIN_UID.test(uid) ? uid : createHash('sha256').update(uid).digest('hex'));

function requestInfo({ name, namespace, kind, operation }: ReviewInfo): ViolationEvent['requestInfo'] {
  const apiVersion = kind.group ? `${kind.group}/${kind.version}` : kind.version;
  return cutTexts({ name, namespace, kind: kind.kind, apiVersion, operation });
}

function boundedUser(user: UserInfo): UserInfo {
  if (Buffer.byteLength(JSON.stringify(user)) <= MAX_USER_BYTES) return user;
  return cutTexts({ username: user.username, uid: user.uid });
}

function cutTexts<T extends Record<string, string | undefined>>(texts: T): Filled<T> {
  const cut = Object.entries(texts).map(([key, text]) => [key, text && cutUtf8(text, MAX_TEXT_BYTES)]);
  return filled(Object.fromEntries(cut) as T);
}

/** The event as it stands in JsPolicyViolations: message at most 256 bytes, whole seconds, empty fields left out. */
export function violationEntry(event: ViolationEvent): ViolationEntry {
  const { action, code, reason, message, requestInfo, user } = event;
  return {
    action,
    code,
    ...(reason ? { reason } : {}),
    ...(message ? { message: shortened(message) } : {}),
    requestInfo: filled(requestInfo),
    userInfo: filled({ username: user.username, uid: user.uid }),
    timestamp: `${new Date(event.time).toISOString().slice(0, 'yyyy-mm-ddThh:mm:ss'.length)}Z`,
  };
}

const shortened = (message: string): string =>
  Buffer.byteLength(message) <= MAX_ENTRY_MESSAGE_BYTES
    ? message
    : `${cutUtf8(message, MAX_ENTRY_MESSAGE_BYTES - 3)}...`;

type Filled<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Without the fields that are empty. */
function filled<T extends object>(fields: T): Filled<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value)) as Filled<T>;
}

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
