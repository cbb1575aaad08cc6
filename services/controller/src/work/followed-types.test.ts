import type { ObjectMatch } from '@jspolicy/contracts';
import type { ResourceType } from '@jspolicy/kube';
import { expect, test } from 'vitest';
import { followedTypes } from './followed-types.ts';

const type = (group: string, version: string, resource: string, namespaced = true): ResourceType => ({
  group,
  version,
  kind: resource,
  resource,
  namespaced,
});
/** As an API server tells them: versions of a group in its order of preference. */
const SERVED = [
  type('', 'v1', 'events'),
  type('', 'v1', 'namespaces', false),
  type('events.k8s.io', 'v1', 'events'),
  type('autoscaling', 'v2', 'horizontalpodautoscalers'),
  type('autoscaling', 'v1', 'horizontalpodautoscalers'),
  type('policy.jspolicy.com', 'v1beta1', 'jspolicies', false),
];
const follow = (match: Partial<ObjectMatch>) =>
  followedTypes(
    {
      operations: ['*'],
      resources: [],
      apiGroups: ['*'],
      apiVersions: ['*'],
      scope: '*',
      namespaceSelector: {},
      objectSelector: {},
      ...match,
    },
    SERVED,
  ).map(({ group, version, resource }) => `${group}/${version} ${resource}`);

test('one version of each group and kind: the first that the policy names', () => {
  const resources = ['horizontalpodautoscalers', 'events'];
  expect(follow({ resources })).toEqual([
    '/v1 events',
    'events.k8s.io/v1 events',
    'autoscaling/v2 horizontalpodautoscalers',
  ]);
  expect(follow({ resources, apiVersions: ['v1'], apiGroups: ['autoscaling'] })).toEqual([
    'autoscaling/v1 horizontalpodautoscalers',
  ]);
});

test('scope; neither subresources nor our own kinds', () => {
  const resources = ['events', 'namespaces', 'namespaces/status', 'jspolicies'];
  expect(follow({ resources, apiGroups: ['', 'policy.jspolicy.com'] })).toEqual(['/v1 events', '/v1 namespaces']);
  expect(follow({ resources, apiGroups: [''], scope: 'Cluster' })).toEqual(['/v1 namespaces']);
  expect(follow({ resources, apiGroups: [''], scope: 'Namespaced' })).toEqual(['/v1 events']);
});
