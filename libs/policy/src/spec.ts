import { createHash } from 'node:crypto';
import type {
  BundleInfo,
  JsPolicy,
  JsPolicySpec,
  ObjectMatch,
  PolicyRecord,
  ViolationPolicy,
} from '@jspolicy/contracts';
import { goJson } from './go-json.ts';

/** With the value `request` each evaluation of the policy has a fresh context. */
export const ISOLATION_ANNOTATION = 'policy.jspolicy.com/isolation';

const DEFAULT_AUDIT_LOG_SIZE = 10;
const DEFAULT_TIMEOUT_SECONDS = 10;

/** A JsPolicy as the data plane needs it, with every default. `bundle` says why there is none, if there is none. */
export function policyRecord(
  policy: JsPolicy,
  bundle: BundleInfo | 'missing' | 'undecodable' = 'missing',
): PolicyRecord {
  const { metadata, spec } = policy;
  return {
    schema: 1,
    name: metadata.name,
    uid: metadata.uid ?? '',
    generation: metadata.generation ?? 0,
    type: spec.type || 'Validating',
    failurePolicy: spec.failurePolicy === 'Ignore' ? 'Ignore' : 'Fail',
    violationPolicy: violationPolicy(spec.violationPolicy),
    auditPolicy: spec.auditPolicy === 'Skip' ? 'Skip' : 'Log',
    auditLogSize: spec.auditLogSize ?? DEFAULT_AUDIT_LOG_SIZE,
    timeoutSeconds: spec.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS,
    ...(typeof bundle === 'string' ? { bundleError: bundle } : { bundle: bundleInfo(bundle, metadata.annotations) }),
    ...(spec.type === 'Controller' ? { objects: objectMatch(spec) } : {}),
  };
}

function objectMatch(spec: JsPolicySpec): ObjectMatch {
  return {
    operations: spec.operations,
    resources: spec.resources,
    apiGroups: spec.apiGroups ?? ['*'],
    apiVersions: spec.apiVersions ?? ['*'],
    scope: spec.scope ?? '*',
    namespaceSelector: spec.namespaceSelector ?? {},
    objectSelector: spec.objectSelector ?? {},
  };
}

/** Only what the record needs: a Bundle with its script may be given too. */
function bundleInfo(bundle: BundleInfo & { script?: string }, annotations: Record<string, string> = {}): BundleInfo {
  const { script: _, ...info } = bundle;
  if (annotations[ISOLATION_ANNOTATION] !== 'request') return info;
  return { ...info, isolation: 'request', isolationReason: `the annotation ${ISOLATION_ANNOTATION} asks for it` };
}

/** Read in any case; what is no violationPolicy denies, which is the default. */
export function violationPolicy(text: string | undefined): ViolationPolicy {
  const lower = text?.toLowerCase();
  return lower === 'warn' ? 'Warn' : lower === 'dry' ? 'Dry' : 'Deny';
}

/**
 * status.bundleHash: sha256, hex, of the JSON `{"dependencies": ..., "javascript": ...}` as Go writes it: keys sorted,
 * null for no dependencies. The value that an earlier engine left in a status is recognised.
 */
export function bundleHash(spec: Pick<JsPolicySpec, 'javascript' | 'dependencies'>): string {
  const entries = Object.entries(spec.dependencies ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  const dependencies = entries.length > 0 ? Object.fromEntries(entries) : null;
  return createHash('sha256')
    .update(goJson({ dependencies, javascript: spec.javascript ?? '' }))
    .digest('hex');
}
