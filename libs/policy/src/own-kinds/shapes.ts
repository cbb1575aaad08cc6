import type { LabelSelector } from '@jspolicy/contracts';

/** What a value of the API must look like, with the names that users read when it does not. */
export type Shape =
  | { is: 'text'; goType: string }
  | { is: 'int32'; goType: string }
  | { is: 'bytes'; goType: string }
  | { is: 'anything' }
  | { is: 'list'; goType: string; of: Shape }
  | { is: 'map'; goType: string; of: Shape }
  /** `open`: fields that are not named are let through, because newer API servers may have more of them. */
  | { is: 'struct'; goType: string; name: string; open: boolean; fields: Record<string, Shape> };

/** A JsPolicy whose types are right; whether its values are is another question. */
export interface DecodedPolicy {
  metadata?: { name?: string | null } | null;
  spec?: {
    type?: string | null;
    operations?: (string | null)[] | null;
    resources?: (string | null)[] | null;
    apiGroups?: (string | null)[] | null;
    apiVersions?: (string | null)[] | null;
    scope?: string | null;
    matchPolicy?: string | null;
    namespaceSelector?: LabelSelector | null;
    objectSelector?: LabelSelector | null;
    failurePolicy?: string | null;
    reinvocationPolicy?: string | null;
    timeoutSeconds?: number | null;
    violationPolicy?: string | null;
    auditPolicy?: string | null;
    auditLogSize?: number | null;
  } | null;
}

const anything: Shape = { is: 'anything' };
const text = (goType = 'string'): Shape => ({ is: 'text', goType });
const int32: Shape = { is: 'int32', goType: 'int32' };
const listOf = (of: Shape, goType: string): Shape => ({ is: 'list', goType: `[]${goType}`, of });
const texts = (goType = 'string'): Shape => listOf(text(goType), goType);
const textMap: Shape = { is: 'map', goType: 'map[string]string', of: text() };
const struct = (goType: string, fields: Record<string, Shape>, open = false): Shape => ({
  is: 'struct',
  goType,
  name: goType.slice(goType.lastIndexOf('.') + 1),
  open,
  fields,
});

const selector = struct('v1.LabelSelector', {
  matchLabels: textMap,
  matchExpressions: listOf(
    struct('v1.LabelSelectorRequirement', { key: text(), operator: text('v1.LabelSelectorOperator'), values: texts() }),
    'v1.LabelSelectorRequirement',
  ),
});

const policySpec = struct('v1beta1.JsPolicySpec', {
  type: text('v1beta1.PolicyType'),
  operations: texts('v1.OperationType'),
  resources: texts(),
  apiGroups: texts(),
  apiVersions: texts(),
  scope: text('v1.ScopeType'),
  matchPolicy: text('v1.MatchPolicyType'),
  namespaceSelector: selector,
  objectSelector: selector,
  failurePolicy: text('v1.FailurePolicyType'),
  reinvocationPolicy: text('v1.ReinvocationPolicyType'),
  timeoutSeconds: int32,
  violationPolicy: text('v1beta1.ViolationPolicyType'),
  auditPolicy: text('v1beta1.AuditPolicyType'),
  auditLogSize: int32,
  dependencies: textMap,
  javascript: text(),
});

const named = (...fields: string[]): Record<string, Shape> =>
  Object.fromEntries(fields.map((field) => [field, anything]));

const kind = (name: string, spec: Shape, status: Shape): Shape =>
  struct(`v1beta1.${name}`, {
    apiVersion: text(),
    kind: text(),
    metadata: struct('v1.ObjectMeta', { name: text() }, true),
    spec,
    status,
  });

const VIOLATIONS_STATUS = named('violations', 'sequences', 'stream', 'totals', 'counted', 'writtenAt');
const POLICY_STATUS = named('phase', 'reason', 'message', 'conditions', 'observedGeneration', 'bundleHash');

/** The three kinds, by their names. */
export const OWN_KINDS: ReadonlyMap<string, Shape> = new Map([
  ['JsPolicy', kind('JsPolicy', policySpec, struct('v1beta1.JsPolicyStatus', POLICY_STATUS))],
  [
    'JsPolicyBundle',
    kind(
      'JsPolicyBundle',
      struct('v1beta1.JsPolicyBundleSpec', { bundle: { is: 'bytes', goType: '[]uint8' } }),
      struct('v1beta1.JsPolicyBundleStatus', {}),
    ),
  ],
  [
    'JsPolicyViolations',
    kind(
      'JsPolicyViolations',
      struct('v1beta1.JsPolicyViolationsSpec', {}),
      struct('v1beta1.JsPolicyViolationsStatus', VIOLATIONS_STATUS),
    ),
  ],
]);
