import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ClusterClient } from './cluster-client.ts';
import { policy } from './manifests.ts';
import { seedsFolder } from './material.ts';
import { linesOf, restoredPolicy } from './restored-manifest.ts';
import { type RunningCluster, startCluster } from './running-engine.ts';
import type { Stack } from './stack.ts';

const SEEDS = seedsFolder();
const DOCUMENT = '003_1920ade63da994b0.txt';

let engine: RunningCluster;
let stack: Stack;
let cluster: ClusterClient;

beforeAll(async () => {
  engine = await startCluster();
  ({ stack, cluster } = engine);
});
afterAll(() => engine?.stop());

const secretsOf = (namespace: string) => `/api/v1/namespaces/${namespace}/secrets`;
const createSecret = async (namespace: string, name: string, labels: Record<string, string>, text: string) => {
  const data = { password: btoa(text) };
  const metadata = { name, labels };
  const created = await cluster.call('POST', secretsOf(namespace), {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata,
    data,
  });
  expect(created.status).toBe(201);
};
const textOf = async (namespace: string, name: string): Promise<string> =>
  atob((await cluster.call('GET', `${secretsOf(namespace)}/${name}`)).body.data.password);
const untilText = (namespace: string, name: string, text: string) =>
  waitFor(async () => (await textOf(namespace, name)) === text, {
    what: `${namespace}/${name} to be ${text}`,
  });

describe.skipIf(!SEEDS)('sync-secrets of the Loft document, verbatim (JSPOLICY_SEEDS_DIR)', () => {
  const children = { 'owner-name': 'parent', 'owner-namespace': 'home' };

  beforeAll(async () => {
    for (const name of ['home', 'one', 'two']) await cluster.createNamespace(name);
    await createSecret('home', 'parent', { sync: 'true' }, 'first');
    await createSecret('one', 'child', children, 'stale');
    await createSecret('one', 'bystander', {}, 'own');
    const page = readFileSync(join(SEEDS ?? '', DOCUMENT), 'utf8');
    await cluster.applyPolicy(restoredPolicy(linesOf(page, 'apiVersion:', '\nSync Secrets\n')));
  });

  test('a child that was there gets what its parent holds', () => untilText('one', 'child', 'first'));

  test('a child that comes later does too', async () => {
    await createSecret('two', 'later', children, 'stale');
    await untilText('two', 'later', 'first');
  });

  test('a change of the parent reaches every child, and nothing else', async () => {
    await cluster.call('PATCH', `${secretsOf('home')}/parent`, { data: { password: btoa('second') } });
    await Promise.all([untilText('one', 'child', 'second'), untilText('two', 'later', 'second')]);
    expect(await textOf('one', 'bystander')).toBe('own');
  });

  test('a child that is changed by hand is put back', async () => {
    await cluster.call('PATCH', `${secretsOf('one')}/child`, { data: { password: btoa('by hand') } });
    await untilText('one', 'child', 'second');
  });

  test('nothing waits when all is in step', async () => {
    await waitFor(async () => (await stack.bus.work.waiting('sync-secrets.resource.example')) === 0, {
      what: 'the queue to be empty',
    });
  });
});

test('a ResourceQuota for each namespace that asks for one by a label', async () => {
  const code = `
    if (request.object?.metadata.labels?.["create-rq"] !== "true") allow();
    const metadata = { name: "quota", namespace: request.name };
    const made = create({ apiVersion: "v1", kind: "ResourceQuota", metadata, spec: { hard: { pods: "2" } } });
    if (!made.ok && made.reason !== "AlreadyExists") requeue(made.message);`;
  const spec = { type: 'Controller' as const, operations: ['CREATE'], resources: ['namespaces'] };
  await cluster.applyPolicy(policy('quota.namespaces.example', code, spec));
  const namespace = (name: string, labels: Record<string, string>) =>
    cluster.call('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
  await namespace('without', {});
  await namespace('with', { 'create-rq': 'true' });
  const quotas = async (name: string) =>
    (await cluster.call('GET', `/api/v1/namespaces/${name}/resourcequotas`)).body.items;
  const [quota] = await waitFor(
    async () => {
      const found = await quotas('with');
      return found.length > 0 && found;
    },
    { what: 'the quota' },
  );
  expect(quota.spec.hard).toEqual({ pods: '2' });
  await waitFor(async () => (await stack.bus.work.waiting('quota.namespaces.example')) === 0, { what: 'the rest' });
  expect(await quotas('without')).toEqual([]);
});
