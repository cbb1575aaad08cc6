import { type KubeApiServer, kubeForTest, waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ClusterClient } from './cluster-client.ts';
import { policy } from './manifests.ts';
import { type Stack, startStack } from './stack.ts';

const NAME = 'endless.creates.example';
const BOUND = 20;
const MAPS = '/api/v1/namespaces/endless/configmaps';
const MINE = { metadata: { name: 'first', labels: { mine: '' } } };

let kube: KubeApiServer;
let stack: Stack;
let cluster: ClusterClient;

beforeAll(async () => {
  kube = await kubeForTest();
  const env = { evaluator: { FOLLOWED_CREATES_PER_HOUR: String(BOUND) } };
  stack = await startStack({ cluster: { kube }, evaluators: 1, env });
  cluster = new ClusterClient(kube);
  await cluster.servesKinds();
  await cluster.createNamespace('endless');
});
afterAll(async () => {
  await stack?.stop();
  await kube?.stop();
});

test('a policy that creates whenever it is evaluated is stopped by the bound, and its status says so', async () => {
  const code = `create({ apiVersion: "v1", kind: "ConfigMap",
    metadata: { generateName: "more-", namespace: "endless", labels: { mine: "" } } })`;
  const spec = {
    type: 'Controller' as const,
    resources: ['configmaps'],
    objectSelector: { matchLabels: { mine: '' } },
  };
  await cluster.applyPolicy(policy(NAME, code, spec));
  await cluster.call('POST', MAPS, { apiVersion: 'v1', kind: 'ConfigMap', ...MINE });
  const status = await waitFor(
    async () => {
      const found = (await cluster.policy(NAME)).status;
      return found?.phase === 'Failed' && found;
    },
    { what: 'the status to tell' },
  );
  expect(status).toMatchObject({
    reason: 'CreatesTooMuch',
    message: expect.stringContaining('FOLLOWED_CREATES_PER_HOUR'),
  });
  const { items } = (await cluster.call('GET', MAPS)).body;
  const made = items.filter(({ metadata }: { metadata: { name: string } }) => metadata.name.startsWith('more-'));
  expect(made.length).toBe(BOUND);
});
