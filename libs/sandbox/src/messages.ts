import type { BundleForm, Isolation, PolicyType } from '@jspolicy/contracts';
import type { PolicyFailure, ReviewInfo, Verdict } from '@jspolicy/policy';

/** What a sandbox process has to know of a script. */
export interface BundleFacts {
  digest: string;
  preludeLength: number;
  form: BundleForm;
  authorStart: number;
  waits: boolean;
}

/** Supervisor to sandbox process. What stands in a frame's body is said with each. */
export type ToChild =
  /** Body: the script. Comes before the first evaluation of its digest. */
  | ({ type: 'bundle'; isolation: Isolation } & BundleFacts)
  | { type: 'forget'; digest: string }
  /** Body: the script that is evaluated in front of every policy. Comes first, when there is one. */
  | { type: 'globals' }
  /** Body: the review's bytes. */
  | {
      type: 'evaluate';
      id: number;
      policy: string;
      policyType: PolicyType;
      digest: string;
      /** Of each run, and of all together. */
      limitMs: number;
      deadlineMs: number;
      fresh: boolean;
    }
  | { type: 'reply'; id: number; call: number; reply: CallReply };

export type CallReply =
  /** Body: the value's JSON; nothing for undefined. */
  | { kind: 'value' }
  | { kind: 'thrown'; reason: string; message: string }
  /** The evaluation's time is over, or the host failed: its answer is not waited for. */
  | { kind: 'stop' };

/** Sandbox process to supervisor. */
export type FromChild =
  | { type: 'ready' }
  /** The run so far counts for nothing: another one begins, with a limit and calls of its own. */
  | { type: 'again'; id: number }
  | { type: 'call'; id: number; call: number; name: string; args: unknown[] }
  /** The policy ended itself, and its code may still go on: this is told if its process gives no result any more. */
  | { type: 'ended'; id: number; answer: ChildAnswer }
  | ChildResult;

export interface ChildResult {
  type: 'result';
  id: number;
  answer: ChildAnswer;
  prints: string[];
  /** The process is not to be used again. */
  retire: boolean;
  /** A kept bundle that must have fresh contexts from now on, and why. */
  demoted?: string;
  /** Memory ran out, and other bundles had taken a good part of it before. Nothing was written: it may be repeated. */
  crowded?: boolean;
  /** Its script does not spell a host call, but it made one: from now on its evaluations can wait. */
  waits?: boolean;
}

export type ChildAnswer =
  | { kind: 'verdict'; verdict: Verdict; review: ReviewInfo }
  | { kind: 'malformed'; message: string }
  | { kind: 'failed'; failure: PolicyFailure; review?: ReviewInfo };
