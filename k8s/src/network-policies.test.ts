import { beforeAll, expect, test } from 'vitest';
import { findHelm, findObject, renderChart } from './helm.ts';

beforeAll(findHelm);

test('servers of NATS are asked by the engine’s Pods alone, and their monitor by no Pod', async () => {
  const { podSelector, ingress } = findObject(await renderChart(), 'NetworkPolicy', 'jspolicy-nats')['spec'] as {
    podSelector: unknown;
    ingress: unknown;
  };
  const matchLabels = { 'app.kubernetes.io/name': 'jspolicy', 'app.kubernetes.io/instance': 'jspolicy' };
  expect(podSelector).toMatchObject({ matchLabels });
  expect(ingress).toEqual([
    { from: [{ podSelector: { matchLabels } }], ports: [{ port: 'client' }, { port: 'cluster' }] },
  ]);
});
