import { waitFor } from '@jspolicy/testing';
import type { AuditStack } from '../audit-stack.test-part.ts';

const texts = { type: 'object', additionalProperties: { type: 'string' } };
const numbers = { type: 'object', additionalProperties: { type: 'integer' } };
const oneOf = (...words: string[]) => ({ type: 'string', enum: words });

const result = {
  type: 'object',
  required: ['policy'],
  properties: {
    source: { type: 'string' },
    policy: { type: 'string' },
    category: { type: 'string' },
    severity: oneOf('critical', 'high', 'medium', 'low', 'info'),
    result: oneOf('pass', 'fail', 'warn', 'error', 'skip'),
    message: { type: 'string' },
    resources: { type: 'array', items: texts },
    properties: texts,
    timestamp: {
      type: 'object',
      properties: { seconds: { type: 'integer', format: 'int64' }, nanos: { type: 'integer', format: 'int32' } },
    },
  },
};

/** What the engine relies on of both groups; their own definitions say more. */
const schema = {
  openAPIV3Schema: {
    type: 'object',
    properties: {
      source: { type: 'string' },
      scope: texts,
      summary: numbers,
      results: { type: 'array', items: result },
    },
  },
};

function definition(group: string, version: string, kind: string, scope: 'Namespaced' | 'Cluster') {
  const singular = kind.toLowerCase();
  const names = { kind, listKind: `${kind}List`, singular, plural: `${singular}s` };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${names.plural}.${group}`,
      // Groups of Kubernetes itself ask for a word of approval.
      annotations: { 'api-approved.kubernetes.io': 'unapproved, for a test' },
    },
    spec: { group, scope, names, versions: [{ name: version, served: true, storage: true, schema }] },
  };
}

export const POLICY_REPORTS = '/apis/wgpolicyk8s.io/v1alpha2';
export const OPEN_REPORTS = '/apis/openreports.io/v1alpha1';

/** Installs kinds of reports, and waits until they are served. */
export async function installReportKinds(stack: AuditStack, path: typeof POLICY_REPORTS | typeof OPEN_REPORTS) {
  const [, , group = '', version = ''] = path.split('/');
  const prefix = path === POLICY_REPORTS ? 'Policy' : '';
  const kinds = [definition(group, version, `${prefix}Report`, 'Namespaced')];
  kinds.push(definition(group, version, `Cluster${prefix}Report`, 'Cluster'));
  for (const each of kinds) {
    await stack.call('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', each);
    const served = async () => (await stack.call('GET', `${path}/${each.spec.names.plural}`)).status === 200;
    await waitFor(served, { what: `${each.metadata.name} to be served` });
  }
}
