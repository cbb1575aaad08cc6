import { pod, type TestProcess, waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ClusterClient } from './cluster-client.ts';
import { policy } from './manifests.ts';
import { type RunningCluster, startCluster } from './running-engine.ts';
import type { Stack } from './stack.ts';

const INGRESSES = '/apis/networking.k8s.io/v1/namespaces/team/ingresses';
let engine: RunningCluster;
let stack: Stack;
let cluster: ClusterClient;

beforeAll(async () => {
  engine = await startCluster({ namespaces: ['team'], evaluators: 1, env: { evaluator: { CACHE_IDLE_SECONDS: '2' } } });
  ({ stack, cluster } = engine);
});
afterAll(() => engine?.stop());

const ingress = (name: string) => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  metadata: { name },
  spec: { defaultBackend: { service: { name: 's', port: { number: 80 } } } },
});

test('list() reads copies that follow the cluster; what they take is told, and they go when nobody reads', async () => {
  const javascript = 'deny("ingresses: " + list("Ingress", "networking.k8s.io/v1").map(i => i.metadata.name).join())';
  await cluster.call('POST', INGRESSES, ingress('one'));
  await cluster.applyPolicy(policy('copies.e2e.example', javascript));
  const told = async (names: string) => {
    const { body } = await cluster.createPod(pod({ namespace: 'team' }), '?dryRun=All');
    return body.message?.endsWith(`denied the request: ingresses: ${names}`);
  };
  await waitFor(() => told('one'), { what: 'the first ingress' });
  await cluster.call('POST', INGRESSES, ingress('a-second'));
  await waitFor(() => told('a-second,one'), { what: 'the second ingress' });
  const evaluator = stack.processes.evaluator[0] as TestProcess;
  // They go after two seconds without a read: looked at right after one.
  const metrics = await waitFor(
    async () => {
      await told('a-second,one');
      const text = await stack.metrics(evaluator);
      return text.includes('jspolicy_informer_objects{kind="ingresses.v1.networking.k8s.io"} 2') && text;
    },
    { what: 'the size of the copies' },
  );
  expect(metrics).toMatch(/^jspolicy_informer_bytes\{kind="ingresses\.v1\.networking\.k8s\.io"\} \d{3,}$/m);
  await cluster.call('DELETE', `${INGRESSES}/one`);
  await waitFor(() => told('a-second'), { what: 'the deletion' });
  const isGone = async () => !(await stack.metrics(evaluator)).includes('kind="ingresses');
  await waitFor(isGone, { what: 'the copies to go' });
  expect(await told('a-second')).toBe(true);
});
