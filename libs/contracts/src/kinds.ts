/**
 * The three kinds of the group policy.jspolicy.com, as they stand in the API server.
 * Field names, enumerations and defaults are the ones that jsPolicy users already have in their clusters.
 */

export const API_GROUP = 'policy.jspolicy.com';
export const API_VERSION = 'policy.jspolicy.com/v1beta1';

export type PolicyType = 'Validating' | 'Mutating' | 'Controller';
export type FailurePolicy = 'Fail' | 'Ignore';
export type ViolationPolicy = 'Deny' | 'Warn' | 'Dry';
export type AuditPolicy = 'Log' | 'Skip';

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

export interface ObjectMeta {
  name: string;
  namespace?: string;
  uid?: string;
  generation?: number;
  resourceVersion?: string;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: OwnerReference[];
  [field: string]: unknown;
}

/** Any object of the cluster, as raw JSON: unknown fields are kept, times stay strings. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  [field: string]: unknown;
}

export interface LabelSelector {
  matchLabels?: Record<string, string>;
  matchExpressions?: { key: string; operator: string; values?: string[] }[];
}

export interface JsPolicySpec {
  type?: PolicyType | '';
  operations: string[];
  resources: string[];
  apiGroups?: string[];
  apiVersions?: string[];
  scope?: string;
  matchPolicy?: string;
  namespaceSelector?: LabelSelector;
  objectSelector?: LabelSelector;
  failurePolicy?: FailurePolicy;
  reinvocationPolicy?: string;
  timeoutSeconds?: number;
  violationPolicy?: string;
  auditPolicy?: AuditPolicy;
  auditLogSize?: number;
  dependencies?: Record<string, string>;
  javascript?: string;
}

/** Evaluable is there only while it is False: its code ends sandboxes, creates what it follows without end, or is not in force everywhere. */
export type ConditionType = 'Ready' | 'BundleCompiled' | 'ControllerReady' | 'WebhookReady' | 'Evaluable';
export type FailureReason =
  | 'CompileFailed'
  | 'BundleMissing'
  | 'InitControllerPolicy'
  | 'SyncFailed'
  | 'Quarantined'
  | 'CreatesTooMuch'
  | 'NotInForce';

export interface Condition {
  type: ConditionType;
  status: 'True' | 'False';
  severity?: 'Error';
  lastTransitionTime: string;
  reason?: FailureReason;
  message?: string;
}

export interface JsPolicyStatus {
  phase?: 'Synced' | 'Failed';
  reason?: string;
  message?: string;
  conditions?: Condition[];
  observedGeneration?: number;
  /** sha256, hex, of the JSON of javascript and dependencies. */
  bundleHash?: string;
}

export interface JsPolicy extends KubeObject {
  kind: 'JsPolicy';
  spec: JsPolicySpec;
  status?: JsPolicyStatus;
}

export interface JsPolicyBundle extends KubeObject {
  kind: 'JsPolicyBundle';
  /** base64 of gzip of one classic script. */
  spec: { bundle?: string };
}

export type ViolationAction = ViolationPolicy | 'Controller';

/** One entry of JsPolicyViolations.status.violations. */
export interface ViolationEntry {
  action: ViolationAction;
  code?: number;
  reason?: string;
  message?: string;
  requestInfo: { name?: string; namespace?: string; kind?: string; apiVersion?: string; operation?: string };
  userInfo: { username?: string; uid?: string };
  /** RFC 3339, whole seconds, as the API server writes times. */
  timestamp: string;
}

export interface JsPolicyViolations extends KubeObject {
  kind: 'JsPolicyViolations';
  status?: {
    violations?: ViolationEntry[];
    /** Positions in the stream of the entries at the end of `violations`; a second delivery is known by them. */
    sequences?: number[];
    /** Which stream the positions belong to. */
    stream?: string;
    totals?: ViolationTotals;
    counted?: CountedPositions;
    /** RFC 3339 with milliseconds: replicas keep a second between two writes by it. */
    writtenAt?: string;
  };
}

/** All violations since the object was made, by action. */
export interface ViolationTotals {
  violations: number;
  deny: number;
  warn: number;
  dry: number;
  controller: number;
}

/** Which positions of the stream are in the totals: a second delivery is known by them. */
export interface CountedPositions {
  /** Everything of the policy up to here. */
  upTo: number;
  /** Behind it, runs of counted positions: how many are left out, `+`, how many are counted; separated by commas. */
  runs?: string;
}
