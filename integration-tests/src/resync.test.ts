import { type KubeApiServer, kubeForTest } from '@jspolicy/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ClusterClient } from './cluster-client.ts';
import { policy } from './manifests.ts';
import { type Stack, startStack } from './stack.ts';
import { WorkWitness } from './work-witness.ts';

let kube: KubeApiServer;
let witness: WorkWitness;
let stack: Stack;

beforeAll(async () => {
  [kube, witness] = await Promise.all([kubeForTest(), WorkWitness.start()]);
  stack = await startStack({ cluster: { kube }, env: { evaluator: witness.env, controller: { RESYNC_SECONDS: '1' } } });
});
afterAll(async () => {
  await stack?.stop();
  await witness?.stop();
  await kube?.stop();
});

test('after RESYNC_SECONDS an object that did not change is a CREATE again, and again', async () => {
  const cluster = new ClusterClient(kube);
  await cluster.servesKinds();
  const name = 'again.work.example';
  const selector = { matchLabels: { 'kubernetes.io/metadata.name': 'default' } };
  await cluster.applyPolicy(
    policy(name, witness.code(name), {
      type: 'Controller',
      operations: ['CREATE'],
      resources: ['namespaces'],
      objectSelector: selector,
    }),
  );
  await witness.until('three turns with the same object', () => witness.of(name).length >= 3);
  const seen = witness.of(name).map(({ operation, key, version }) => `${operation} ${key} ${version}`);
  expect(new Set(seen).size).toBe(1);
  expect(seen[0]).toMatch(/^CREATE \/default \d+$/);
});
