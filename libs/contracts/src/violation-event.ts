import type { UserInfo } from './admission.ts';
import type { ViolationAction } from './kinds.ts';

/** The version at the end counts up when a reader of the old one would misread the new one. */
export const VIOLATION_EVENT_TYPE = 'com.jspolicy.policy.violation.v1';

/**
 * One violation on the stream JSPOLICY_VIOLATIONS: a CloudEvent 1.0 in structured mode. docs/violation-event.schema.json
 * is its JSON Schema.
 */
export interface ViolationEvent {
  specversion: '1.0';
  /** Review uid, policy and revision: a request that is evaluated twice gives the same id, and the stream keeps one. */
  id: string;
  /** The cluster: `/clusters/<name>`. */
  source: string;
  type: typeof VIOLATION_EVENT_TYPE;
  /** The object: `<apiVersion>/<kind>/<namespace>/<name>`, without the namespace for kinds of the cluster; no name: `-`. */
  subject: string;
  /** RFC 3339 with milliseconds: when the policy was evaluated. */
  time: string;
  datacontenttype: 'application/json';
  data: ViolationData;
}

export interface ViolationData {
  policy: string;
  policyUid: string;
  /** The policy's generation. */
  revision: number;
  bundleDigest?: string;
  type: string;
  action: ViolationAction;
  code: number;
  reason?: string;
  /** At most MAX_EVENT_MESSAGE_BYTES of UTF-8, cut between characters. */
  message?: string;
  /** Bytes of UTF-8 of the whole message; there when the message is. */
  messageBytes?: number;
  request: ViolationRequest;
  user: ViolationUser;
  object: ViolationObject;
  dryRun: boolean;
  /** How long the evaluation took, milliseconds. */
  evaluationMs?: number;
  gateway?: string;
  evaluator: string;
  /** Added by a sink that asks for it, never in the stream: the how manieth of this user, object and policy it is. */
  occurrences?: number;
}

/** The request that was judged, in its own words: that about a Namespace has a namespace. */
export interface ViolationRequest {
  uid?: string;
  operation?: string;
  apiVersion?: string;
  kind?: string;
  subResource?: string;
  namespace?: string;
  name?: string;
}

/** Extra fields of a user are left out: authenticators put credentials there. */
export type ViolationUser = Pick<UserInfo, 'username' | 'uid' | 'groups'>;

/** Which object; never what stands in it, but for the labels that the configuration names. */
export interface ViolationObject {
  apiVersion?: string;
  kind?: string;
  namespace?: string;
  name?: string;
  uid?: string;
  labels?: Record<string, string>;
}

export const MAX_EVENT_MESSAGE_BYTES = 16 * 1024;
