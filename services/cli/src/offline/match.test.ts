import type { AdmissionRequest, JsPolicySpec, KubeObject } from '@jspolicy/contracts';
import { expect, test } from 'vitest';
import { whyNotMatched } from './match.ts';
import { reviewOf } from './review-of-object.ts';

const object = (kind: string, apiVersion = 'v1', labels: Record<string, string> = { app: 'web' }): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name: 'x', labels, ...(kind !== 'Namespace' && { namespace: 'shop' }) },
});
const request = (of: KubeObject, more: Partial<AdmissionRequest> = {}): AdmissionRequest => {
  const made = reviewOf(of).request;
  if (!made) throw new Error('a review has a request');
  return { ...made, ...more };
};
const pod = request(object('Pod'));
const rule = (more: Partial<JsPolicySpec>): JsPolicySpec => ({ operations: ['CREATE'], resources: ['pods'], ...more });

test.each<[string, Partial<JsPolicySpec>, AdmissionRequest, string | undefined]>([
  ['plain', {}, pod, undefined],
  ['all operations', { operations: ['*'] }, request(object('Pod'), { operation: 'CONNECT' }), undefined],
  [
    'another operation',
    {},
    request(object('Pod'), { operation: 'DELETE' }),
    'spec.operations (CREATE) does not cover DELETE',
  ],
  ['all resources', { resources: ['*'] }, pod, undefined],
  [
    'all resources, not subresources',
    { resources: ['*'] },
    request(object('Pod'), { subResource: 'log' }),
    'spec.resources (*) does not cover pods/log',
  ],
  ['subresource', { resources: ['pods/log'] }, request(object('Pod'), { subResource: 'log' }), undefined],
  ['all subresources', { resources: ['pods/*'] }, request(object('Pod'), { subResource: 'log' }), undefined],
  [
    'the same subresource of all',
    { resources: ['*/scale'] },
    request(object('Pod'), { subResource: 'log' }),
    'spec.resources (*/scale) does not cover pods/log',
  ],
  ['everything', { resources: ['*/*'] }, request(object('Pod'), { subResource: 'log' }), undefined],
  ['another resource', { resources: ['services'] }, pod, 'spec.resources (services) does not cover pods'],
  ['another group', { apiGroups: ['apps'] }, pod, 'spec.apiGroups (apps) does not cover "", the core group'],
  ['another version', { apiVersions: ['v2'] }, pod, 'spec.apiVersions (v2) does not cover v1'],
  ['scope', { scope: 'Cluster' }, pod, 'spec.scope is Cluster, and pods here are in namespace shop'],
  [
    'scope of a Namespace',
    { resources: ['namespaces'], scope: 'Cluster' },
    request(object('Namespace'), { namespace: 'x' }),
    undefined,
  ],
  ['labels of the namespace', { namespaceSelector: { matchLabels: { stage: 'production' } } }, pod, undefined],
  [
    'other labels of the namespace',
    { namespaceSelector: { matchLabels: { stage: 'test' } } },
    pod,
    'spec.namespaceSelector does not match namespace shop (labels stage=production)',
  ],
  [
    'labels',
    { objectSelector: { matchExpressions: [{ key: 'app', operator: 'In', values: ['web'] }] } },
    pod,
    undefined,
  ],
  [
    'other labels',
    { objectSelector: { matchLabels: { app: 'db' } } },
    pod,
    'spec.objectSelector does not match the object (labels app=web)',
  ],
  [
    'labels of what was',
    { objectSelector: { matchLabels: { app: 'db' } } },
    request(object('Pod'), { oldObject: object('Pod', 'v1', { app: 'db' }) }),
    undefined,
  ],
])('%s', (_what, spec, asked, reason) => {
  expect(whyNotMatched(rule(spec), asked, { stage: 'production' })).toBe(reason);
});
