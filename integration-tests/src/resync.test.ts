import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ClusterClient } from './cluster-client.ts';
import { policy } from './manifests.ts';
import { type RunningCluster, startCluster } from './running-engine.ts';
import type { WorkWitness } from './work-witness.ts';

let engine: RunningCluster;
let witness: WorkWitness;
let cluster: ClusterClient;

beforeAll(async () => {
  engine = await startCluster({ env: { controller: { RESYNC_SECONDS: '1' } } });
  ({ cluster, witness } = engine);
});
afterAll(() => engine?.stop());

test('after RESYNC_SECONDS an object that did not change is a CREATE again, and again', async () => {
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
