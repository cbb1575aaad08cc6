import type { AuditPolicy, FailurePolicy, PolicyType, ViolationPolicy } from './kinds.ts';
import type { ObjectMatch } from './work.ts';

/** How a bundle may be evaluated; decided when it is compiled. */
export type Isolation = 'kept' | 'request';

/** How the policy's own part of a script is compiled. */
export type BundleForm = 'function-body' | 'script';

/** What is known of a bundle; its script stands in the object store under its digest. */
export interface BundleInfo {
  /** bundleDigest() of the script and all that stands here. */
  digest: string;
  /** kept: may live in a hardened context over many requests. request: needs a fresh context each time. */
  isolation: Isolation;
  /** Why, for people: the first construct that asked for a fresh context, with its place. */
  isolationReason: string;
  /**
   * Length in UTF-16 units of the script's first part, which evaluates the imported dependencies and may be evaluated
   * once per context. 0: there is none. The rest is the policy's own code, evaluated anew on each request.
   */
  preludeLength: number;
  /**
   * function-body: the part behind the prelude is a function's body in sloppy mode, so its declarations may shadow the
   * policy functions. script: all of it is one classic script.
   */
  form: BundleForm;
  /** Columns (UTF-16 units) in front of the author's text on the first line behind the prelude, for places in errors. */
  authorStart?: number;
  /** Names of the host functions that the policy's code mentions (get, list, sleep ...). */
  hostCalls: string[];
}

/** A bundle and its script. */
export interface Bundle extends BundleInfo {
  script: string;
}

/** A policy as the data plane needs it: the value of JSPOLICY_POLICIES under the policy's name. */
export interface PolicyRecord {
  schema: 1;
  name: string;
  uid: string;
  generation: number;
  type: PolicyType;
  failurePolicy: FailurePolicy;
  violationPolicy: ViolationPolicy;
  auditPolicy: AuditPolicy;
  auditLogSize: number;
  timeoutSeconds: number;
  /** Absent: the policy has none; each request is then a failure with `bundleError`'s text. */
  bundle?: BundleInfo;
  bundleError?: 'missing' | 'undecodable';
  /** Of a Controller policy: the objects that it follows. */
  objects?: ObjectMatch;
}
