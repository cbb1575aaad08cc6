import type { GroupVersionKind, UserInfo } from '@jspolicy/contracts';

/** One operation of RFC 6902; the differ makes add, remove and replace. */
export interface PatchOperation {
  op: 'add' | 'remove' | 'replace';
  path: string;
  value?: unknown;
}

/** What policy code said, before violationPolicy makes a decision of it. */
export interface Verdict {
  deny: boolean;
  message?: string;
  reason?: string;
  /** As the policy gave it; 0 or below and absent become 403 in the decision. */
  code?: number;
  /** Texts as the policy gave them, without the policy's name. */
  warnings: string[];
  /** From request.object to the object given to mutate(); absent when mutate() was not called or changed nothing. */
  patch?: PatchOperation[];
  /** requeue() was called; its message. */
  requeue?: { message?: string };
}

/** What the engine itself needs of a review: for the answer, the violation and the log. */
export interface ReviewInfo {
  apiVersion: string;
  uid: string;
  kind: GroupVersionKind;
  name?: string;
  namespace?: string;
  operation: string;
  subResource?: string;
  userInfo: UserInfo;
  dryRun: boolean;
  /** Of the object that is asked about; of what was there where there is no new one. */
  object?: ObjectMarks;
}

/** What a violation may tell of an object. */
export interface ObjectMarks {
  uid?: string;
  /** Those that are valid in Kubernetes; a posted review may have anything. */
  labels?: Record<string, string>;
}

/** The policy could not be judged: its code failed, ran out of time or memory, or there is none. */
export interface PolicyFailure {
  cause: 'exception' | 'timeout' | 'memory' | 'crash' | 'no-bundle' | 'bad-bundle' | 'quarantined';
  /** What the user reads, in jsPolicy's words where it has some. */
  message: string;
}
