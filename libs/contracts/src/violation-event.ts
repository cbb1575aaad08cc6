import type { UserInfo } from './admission.ts';
import type { ViolationAction } from './kinds.ts';

/** One violation on the stream JSPOLICY_VIOLATIONS. */
export interface ViolationEvent {
  schema: 1;
  /** Review uid and policy: a request that is evaluated twice gives the same id, and the stream keeps one. */
  id: string;
  policy: string;
  policyUid: string;
  generation: number;
  bundleDigest?: string;
  type: string;
  action: ViolationAction;
  code: number;
  reason?: string;
  /** At most MAX_EVENT_MESSAGE_BYTES of UTF-8, cut between characters. */
  message?: string;
  requestInfo: { name?: string; namespace?: string; kind?: string; apiVersion?: string; operation?: string };
  user: UserInfo;
  dryRun: boolean;
  /** RFC 3339 with milliseconds. */
  time: string;
  evaluator: string;
}

export const MAX_EVENT_MESSAGE_BYTES = 16 * 1024;
