import { expect, test } from 'vitest';
import { BUILTIN_TYPES } from './directory/builtin-kinds.ts';
import { ruleWarnings } from './rule-warnings.ts';

const rule = (resources: string[], more: object = {}) => ({ operations: ['CREATE'], resources, ...more });
const widget = { group: 'example.com', version: 'v1', kind: 'Widget', resource: 'widgets', namespaced: true };
const some = { types: [...BUILTIN_TYPES, widget], complete: false };
const all = { ...some, complete: true };

test.each([
  [rule(['pods', 'pods/exec', '*/scale', '*', 'widgets', 'tokenreviews'])],
  [rule(['deployments', 'pods'], { apiGroups: ['', 'apps', 'extensions'] })],
  [rule(['*'], { apiGroups: ['apps'] })],
  [rule(['nodes'], { scope: 'Cluster' })],
])('%j covers what is served', (spec) => {
  expect(ruleWarnings(spec, all)).toEqual([]);
});

test.each([
  [
    rule(['pod', 'Deployments/scale']),
    'pod covers nothing, the resource is named pods',
    'Deployments covers nothing, the resource is named deployments',
  ],
  [rule(['NetworkPolicy']), 'NetworkPolicy covers nothing, the resource is named networkpolicies'],
  [rule(['pods'], { apiGroups: ['core'] }), '(core) covers no pods, which are in "", the core group'],
  [rule(['deployments'], { apiGroups: ['', 'apps/v1'] }), '("", apps/v1) covers no deployments, which are in apps'],
  [rule(['*'], { apiGroups: ['app'] }), '(app) covers nothing, there is no such group'],
  [rule(['pods'], { scope: 'Cluster' }), '(Cluster) covers no pods, which are in namespaces'],
  [rule(['nodes'], { scope: 'Namespaced' }), '(Namespaced) covers no nodes, which are in no namespace'],
] as [ReturnType<typeof rule>, ...string[]][])('%j is told wherever it is read', (spec, ...told) => {
  const lines = told.map((text) => expect.stringMatching(new RegExp(`^spec\\.\\w+:? ${RegExp.escape(text)}$`)));
  expect(ruleWarnings(spec, some)).toEqual(lines);
  expect(ruleWarnings(spec, all)).toEqual(lines);
});

test.each([
  [rule(['gadgets']), 'spec.resources: the cluster has no resource gadgets'],
  [
    rule(['services'], { apiGroups: ['serving.example.org'] }),
    'spec.apiGroups (serving.example.org) covers no services, which are in "", the core group',
  ],
  [
    rule(['deployments'], { apiVersions: ['v1beta1'] }),
    'spec.apiVersions (v1beta1) covers no deployments, whose versions are v1',
  ],
  [
    rule(['*'], { apiGroups: ['serving.example.org'] }),
    'spec.apiGroups (serving.example.org) covers nothing, there is no such group',
  ],
])('%j is told where all that is served is known', (spec, told) => {
  expect(ruleWarnings(spec, some)).toEqual([]);
  expect(ruleWarnings(spec, all)).toEqual([told]);
});
