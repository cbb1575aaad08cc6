/** Names on the bus. A change of meaning is a new version in the subject, never a silent one. */

export const EVALUATE_SUBJECTS = 'jspolicy.v1.evaluate.*';
export const COMPILE_SUBJECT = 'jspolicy.v1.compile';
export const VIOLATION_SUBJECTS = 'jspolicy.v1.violations.*';

export const EVALUATOR_QUEUE = 'evaluators';
export const COMPILER_QUEUE = 'compilers';

export const POLICIES_BUCKET = 'JSPOLICY_POLICIES';
export const BUNDLES_BUCKET = 'JSPOLICY_BUNDLES';
export const VIOLATIONS_STREAM = 'JSPOLICY_VIOLATIONS';
/** What could not be handled, as it was, with the reason in its headers. */
export const DEAD_STREAM = 'JSPOLICY_DEAD';
export const DEAD_SUBJECTS = 'jspolicy.v1.dead.*';
export const QUARANTINES_BUCKET = 'JSPOLICY_QUARANTINES';
export const AUDIT_CONSUMER = 'audit-status';

/** The largest AdmissionReview that is read: the API server may send object and oldObject of 3 MiB each. */
export const MAX_BODY_BYTES = 8 * 1024 * 1024;

/** The script of a bundle, UTF-8: as a text in JSON, which may be about twice as long, it goes in one message. */
export const MAX_BUNDLE_BYTES = MAX_BODY_BYTES / 2;

/** What the NATS server must carry (its max_payload): the largest body, and headers beside it. */
export const MAX_PAYLOAD_BYTES = MAX_BODY_BYTES + 64 * 1024;

export const HEADER = {
  /** Milliseconds that are left for the answer, counted from the moment of sending. */
  deadlineMs: 'Jspolicy-Deadline-Ms',
  /** HTTP status of an answer; absent: 200. */
  status: 'Jspolicy-Status',
  /** On a message that is no answer: the request is being worked on. */
  working: 'Jspolicy-Working',
  /** On a request: which gateway sent it. */
  gateway: 'Jspolicy-Gateway',
  /** Schema version of the message. */
  schema: 'Jspolicy-Schema',
  /** On a dead letter: why it could not be handled, and where it was. */
  deadReason: 'Jspolicy-Dead-Reason',
  deadStream: 'Jspolicy-Dead-Stream',
  deadConsumer: 'Jspolicy-Dead-Consumer',
  deadSubject: 'Jspolicy-Dead-Subject',
  deadSequence: 'Jspolicy-Dead-Sequence',
  deadDeliveries: 'Jspolicy-Dead-Deliveries',
  /** On a dead letter of a sink: the sink's name. */
  deadSink: 'Jspolicy-Dead-Sink',
} as const;

export const SCHEMA_VERSION = '1';

/** A policy's name is a DNS subdomain: it has dots, which separate subject tokens, and never an underscore. */
const POLICY_NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** True for a DNS-1123 subdomain of at most 253 characters: what may become part of a subject. */
export function isPolicyName(name: string): boolean {
  return name.length <= 253 && POLICY_NAME.test(name);
}

/** The name as one subject token. Throws RangeError for what is no policy name, so no foreign text enters a subject. */
export function policyToken(policy: string): string {
  if (!isPolicyName(policy)) throw new RangeError(`not a policy name: ${JSON.stringify(policy.slice(0, 80))}`);
  return policy.replaceAll('.', '_');
}

/** The inverse of policyToken. */
export function policyOfToken(token: string): string {
  return token.replaceAll('_', '.');
}

export const evaluateSubject = (policy: string): string => `jspolicy.v1.evaluate.${policyToken(policy)}`;
export const violationSubject = (policy: string): string => `jspolicy.v1.violations.${policyToken(policy)}`;
export const deadSubject = (stream: string): string => `jspolicy.v1.dead.${stream}`;
