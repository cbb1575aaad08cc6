import type { JsPolicy } from '@jspolicy/contracts';
import { expect, test } from 'vitest';
import { readConfig } from './config.ts';
import { clientConfig, webhookConfiguration } from './webhook-configuration.ts';
import { webhookTarget } from './webhook-target.ts';

const reached = (env: Record<string, string>) =>
  clientConfig('/policy/a.b.c', { ...webhookTarget(readConfig(env)), caBundle: '' });

const byService = (name: string, namespace: string) => ({
  service: { name, namespace, path: '/policy/a.b.c', port: 443 },
});

test('by the Service jspolicy, or the one that is named, also as jsPolicy names it', () => {
  expect(reached({})).toEqual(byService('jspolicy', 'jspolicy'));
  expect(reached({ SERVICE_NAME: 'gateway', KUBE_NAMESPACE: 'guard' })).toEqual(byService('gateway', 'guard'));
  expect(reached({ JS_POLICY_SERVICE_NAME: 'former' })).toEqual(byService('former', 'jspolicy'));
});

test('by the URL where there is one, also as jsPolicy names it', () => {
  for (const env of ['WEBHOOK_URL', 'JS_POLICY_WEBHOOK_URL']) {
    expect(reached({ [env]: 'https://example.org/base/' })).toEqual({ url: 'https://example.org/base/policy/a.b.c' });
  }
});

test('what lies in exempt namespaces never passes through policies, unless they judge cluster-scoped objects alone', () => {
  const conditions = (scope: 'Cluster' | 'Namespaced') => {
    const spec = { operations: ['CREATE'], resources: ['configmaps'], scope };
    const policy = { metadata: { name: 'a.b.c', uid: 'u' }, spec } as unknown as JsPolicy;
    const target = { ...webhookTarget(readConfig({ EXEMPT_NAMESPACES: 'kube-node-lease,kube-system' })), caBundle: '' };
    const { webhooks } = webhookConfiguration(policy, { hostCalls: [] }, target, 'a.b.c-xxxxx');
    return (webhooks as { matchConditions?: unknown }[])[0]?.matchConditions;
  };
  expect(conditions('Namespaced')).toEqual([
    {
      name: 'not-in-the-namespace-of-jspolicy',
      expression: "!has(request.namespace) || request.namespace != 'jspolicy'",
    },
    {
      name: 'not-in-an-exempt-namespace',
      expression: "!has(request.namespace) || !(request.namespace in ['kube-node-lease', 'kube-system'])",
    },
  ]);
  expect(conditions('Cluster')).toBeUndefined();
});
