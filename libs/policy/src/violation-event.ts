import { createHash } from 'node:crypto';
import {
  MAX_EVENT_MESSAGE_BYTES,
  type PolicyRecord,
  type UserInfo,
  VIOLATION_EVENT_TYPE,
  type ViolationEvent,
  type ViolationObject,
  type ViolationRequest,
  type ViolationUser,
} from '@jspolicy/contracts';
import { cutUtf8 } from './cut.ts';
import type { Violation } from './decision.ts';
import { type Filled, filled } from './filled.ts';
import type { ReviewInfo } from './verdict.ts';

/** A uid as the API server makes them. Anything else could break the header that carries the id. */
const PLAIN_UID = /^[A-Za-z0-9-]{1,64}$/;

/** Other texts: longer than any name that Kubernetes accepts. A posted review may have anything. */
const MAX_TEXT_BYTES = 1024;
/** A user with more groups than this is told by name and uid alone. */
const MAX_USER_BYTES = 16 * 1024;

export interface ViolationFacts {
  record: PolicyRecord;
  review: ReviewInfo;
  violation: Violation;
  time: Date;
  evaluator: string;
  /** Name of the cluster. */
  cluster?: string;
  gateway?: string | undefined;
  /** How long the evaluation took. */
  evaluationMs?: number;
  /** Keys of the object's labels that the event tells. */
  labels?: readonly string[];
}

/**
 * The event of a violation. The same review, policy and revision give the same id, whoever evaluates them. Its size is
 * bounded, whatever the review holds.
 */
export function violationEvent(facts: ViolationFacts): ViolationEvent {
  const { record, review, time, evaluator, cluster = 'kubernetes' } = facts;
  const object = objectOf(review, facts.labels ?? []);
  return {
    specversion: '1.0',
    id: `${plainUid(review.uid || `${evaluator} ${time.getTime()}`)}.${record.name}.${record.generation}`,
    source: `/clusters/${encodeURIComponent(text(cluster))}`,
    type: VIOLATION_EVENT_TYPE,
    subject: subjectOf(object),
    time: time.toISOString(),
    datacontenttype: 'application/json',
    data: {
      ...policyOf(record),
      ...violationOf(facts.violation),
      request: requestOf(review),
      user: userOf(review.userInfo),
      object,
      dryRun: review.dryRun,
      ...(facts.evaluationMs === undefined ? {} : { evaluationMs: Math.round(facts.evaluationMs * 1000) / 1000 }),
      ...(facts.gateway ? { gateway: text(facts.gateway) } : {}),
      evaluator: text(evaluator),
    },
  };
}

const plainUid = (uid: string): string => (PLAIN_UID.test(uid) ? uid : createHash('sha256').update(uid).digest('hex'));

const text = (long: string, maxBytes = MAX_TEXT_BYTES): string => cutUtf8(long.toWellFormed(), maxBytes);

function policyOf({ name, uid, generation, type, bundle }: PolicyRecord) {
  return {
    policy: name,
    policyUid: uid,
    revision: generation,
    ...(bundle ? { bundleDigest: bundle.digest } : {}),
    type,
  };
}

function violationOf({ action, code, reason, message }: Violation) {
  return {
    action,
    code,
    ...(reason ? { reason: text(reason) } : {}),
    ...(message ? { message: text(message, MAX_EVENT_MESSAGE_BYTES), messageBytes: Buffer.byteLength(message) } : {}),
  };
}

const apiVersionOf = ({ kind: { group, version } }: ReviewInfo): string => (group ? `${group}/${version}` : version);

function requestOf(review: ReviewInfo): ViolationRequest {
  const { uid, operation, kind, subResource, namespace, name } = review;
  return cutTexts({ uid, operation, apiVersion: apiVersionOf(review), kind: kind.kind, subResource, namespace, name });
}

function objectOf(review: ReviewInfo, keys: readonly string[]): ViolationObject {
  const apiVersion = apiVersionOf(review);
  const { kind } = review.kind;
  // The API server gives a Namespace its own name for a namespace.
  const namespace = apiVersion === 'v1' && kind === 'Namespace' ? undefined : review.namespace;
  const known = Object.entries(review.object?.labels ?? {}).filter(([key]) => keys.includes(key));
  const labels = Object.fromEntries(known.map(([key, value]) => [key, text(value)]));
  return {
    ...cutTexts({ apiVersion, kind, namespace, name: review.name, uid: review.object?.uid }),
    ...(known.length > 0 ? { labels } : {}),
  };
}

function subjectOf({ apiVersion, kind, namespace, name = '-' }: ViolationObject): string {
  return [apiVersion, kind, namespace, name].filter(Boolean).join('/');
}

function userOf({ username, uid, groups = [] }: UserInfo): ViolationUser {
  const user = cutTexts({ username, uid });
  const belongs = groups.filter((group) => typeof group === 'string').map((group) => text(group));
  const fits = belongs.length > 0 && Buffer.byteLength(JSON.stringify(belongs)) <= MAX_USER_BYTES;
  return fits ? { ...user, groups: belongs } : user;
}

function cutTexts<T extends Record<string, string | undefined>>(texts: T): Filled<T> {
  const cut = Object.entries(texts).map(([key, long]) => [key, long && text(long)]);
  return filled(Object.fromEntries(cut) as T);
}
