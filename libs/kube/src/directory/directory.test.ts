import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KubeObject } from '@jspolicy/contracts';
import { startProcess, waitFor } from '@jspolicy/testing';
import { expect, test } from 'vitest';
import { KubeError } from '../port.ts';
import { dir, follow, log, manifests, open, policy, write } from './directory.test-part.ts';
import { type DirectoryCluster, openDirectory } from './open.ts';

test('what is added, changed and removed is told; the generation rises with the spec only', async () => {
  await write('a.yaml', policy('a.example.com'));
  const { cluster, jsPolicy } = await open();
  const { told, objects, saw } = follow(cluster, jsPolicy);
  await saw('synced');
  expect(told).toEqual(['+a.example.com', 'synced']);

  await mkdir(join(manifests, 'more'));
  await write('more/b.yml', policy('b.example.com'));
  await saw('+b.example.com');
  await write('a.yaml', policy('a.example.com', 'allow()', 'b'));
  await waitFor(() => told.length === 4, { what: 'the new label' });
  await write('a.yaml', policy('a.example.com', 'deny("no")', 'b'));
  await waitFor(() => told.length === 5, { what: 'the new source' });
  const versions = objects.filter(({ metadata }) => metadata.name === 'a.example.com').map(({ metadata }) => metadata);
  expect(versions.map(({ generation }) => generation)).toEqual([1, 1, 2]);
  expect(new Set(versions.map(({ resourceVersion }) => resourceVersion)).size).toBe(3);
  expect(versions[0]?.uid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);

  await rm(join(manifests, 'more'), { recursive: true });
  await saw('-b.example.com');
  expect(await cluster.get(jsPolicy, 'b.example.com')).toBeUndefined();
});

test('objects are read by get and list, with selectors; kinds are resolved', async () => {
  const pod = (name: string, namespace: string, app: string) =>
    `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}${namespace}, labels: {app: ${app}}}\n---\n`;
  await write('pods.yaml', pod('a', '', 'web') + pod('b', ', namespace: other', 'web') + pod('c', '', 'db'));
  await write('x.yaml', 'apiVersion: example.com/v1\nkind: Policy\nmetadata: {name: x, namespace: other}\n');
  const { cluster } = await open();
  const pods = await cluster.resolve('v1', 'Pod');
  const names = async (options: object) => (await cluster.list(pods, options)).map(({ metadata }) => metadata.name);
  expect(await names({})).toEqual(['a', 'c', 'b']);
  expect(await names({ labelSelector: 'app in (web)' })).toEqual(['a', 'b']);
  expect(await names({ namespace: 'default', labelSelector: 'app!=db' })).toEqual(['a']);
  expect(await names({ fieldSelector: 'metadata.name=c', limit: 5 })).toEqual(['c']);
  expect(await cluster.get(pods, 'b', 'other')).toMatchObject({ kind: 'Pod', metadata: { name: 'b' } });
  expect(await cluster.get(pods, 'b', 'default')).toBeUndefined();
  await expect(cluster.get(pods, 'b')).rejects.toMatchObject({ status: 400 });
  const policies = { group: 'example.com', version: 'v1', kind: 'Policy', resource: 'policies', namespaced: true };
  expect(await cluster.resolve('example.com/v1', 'Policy')).toEqual(policies);
  expect(await cluster.resolve('v1', 'pod')).toEqual(pods);
  expect(await cluster.resolve('example.com/v1', 'policy')).toEqual(policies);
  await expect(cluster.resolve('v1', 'pods')).rejects.toMatchObject({ reason: 'NotFound' });
  await expect(cluster.resolve('example.com/v2', 'Policy')).rejects.toMatchObject({ status: 404, reason: 'NotFound' });
});

test('two that opened the directory see what the other wrote, and conflicts are found', async () => {
  await write('a.yaml', policy('a.example.com'));
  const one = await open();
  const two = await open();
  const seen = follow(two.cluster, two.jsPolicy);
  await seen.saw('synced');
  const before = await one.cluster.get(one.jsPolicy, 'a.example.com');
  if (!before) throw new Error('the policy is missing');
  const after = await one.cluster.updateStatus(one.jsPolicy, { ...before, status: { phase: 'Synced' } });
  expect(after.metadata.generation).toBe(1);
  await waitFor(() => seen.objects.at(-1)?.['status'], { what: 'the status' });
  expect(await two.cluster.get(two.jsPolicy, 'a.example.com')).toEqual(after);
  const late = two.cluster.updateStatus(two.jsPolicy, { ...before, status: { phase: 'Failed' } });
  await expect(late).rejects.toMatchObject({ status: 409, reason: 'Conflict' });
  await expect(one.cluster.update(one.jsPolicy, after)).rejects.toMatchObject({ status: 403, reason: 'Forbidden' });
  await expect(one.cluster.remove(one.jsPolicy, 'a.example.com')).rejects.toMatchObject({ status: 403 });
});

test('what services write is kept, versioned, and goes with its owner', async () => {
  await write('a.yaml', policy('a.example.com'));
  const { cluster, jsPolicy } = await open();
  const type = await cluster.resolve('policy.jspolicy.com/v1beta1', 'JsPolicyBundle');
  const owner = await cluster.get(jsPolicy, 'a.example.com');
  const { apiVersion, kind, metadata } = owner as KubeObject;
  const ownerReferences = [{ apiVersion, kind, name: metadata.name, uid: metadata.uid as string }];
  const bundle = { apiVersion, kind: 'JsPolicyBundle', metadata: { name: 'a.example.com', ownerReferences } };
  const created = await cluster.create(type, { ...bundle, spec: { bundle: 'one' } });
  expect(created.metadata).toMatchObject({ generation: 1, uid: expect.any(String) });
  await expect(cluster.create(type, bundle)).rejects.toMatchObject({ status: 409, reason: 'AlreadyExists' });
  expect(await cluster.update(type, created)).toEqual(created);
  const updated = await cluster.update(type, { ...created, spec: { bundle: 'two' } });
  expect(updated.metadata.generation).toBe(2);
  await expect(cluster.update(type, created)).rejects.toMatchObject({ reason: 'Conflict' });
  await expect(cluster.update(type, { ...bundle, metadata: { name: 'b' } })).rejects.toMatchObject({ status: 404 });
  await expect(cluster.create(type, { ...bundle, metadata: { name: '../b' } })).rejects.toMatchObject({ status: 400 });

  const again = await open();
  expect(await again.cluster.get(type, 'a.example.com')).toEqual(updated);
  await rename(join(manifests, 'a.yaml'), join(dir.path, 'a.yaml'));
  await waitFor(async () => !(await again.cluster.get(type, 'a.example.com')), { what: 'the bundle to go' });
  await cluster.remove(type, 'a.example.com');
});

test('names may be as long as Kubernetes has them, and differ in their last letter alone', async () => {
  const names = ['a', 'b'].map((last) => `${'long.'.repeat(50)}xy${last}`);
  await write('all.yaml', names.map((name) => policy(name)).join('---\n'));
  const { cluster, jsPolicy } = await open();
  const type = await cluster.resolve('policy.jspolicy.com/v1beta1', 'JsPolicyBundle');
  for (const name of names) {
    expect(name).toHaveLength(253);
    const found = (await cluster.get(jsPolicy, name)) as KubeObject;
    await cluster.updateStatus(jsPolicy, { ...found, status: { phase: name } });
    const object = { apiVersion: 'policy.jspolicy.com/v1beta1', kind: 'JsPolicyBundle', metadata: { name } };
    await cluster.create(type, { ...object, spec: { bundle: name } });
  }
  const again = await open();
  for (const name of names) {
    expect(await again.cluster.get(jsPolicy, name)).toMatchObject({ status: { phase: name } });
    expect(await again.cluster.get(type, name)).toMatchObject({ spec: { bundle: name } });
    await cluster.remove(type, name);
    expect(await cluster.get(type, name)).toBeUndefined();
  }
});

test('many writers at once: each write counts once', async () => {
  const clusters = [(await open()).cluster, (await open()).cluster, (await open()).cluster];
  const [first] = clusters as [DirectoryCluster];
  const type = await first.resolve('v1', 'ConfigMap');
  const metadata = { name: 'n', namespace: 'default' };
  await first.create(type, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { n: '0' } });
  const add = async (cluster: DirectoryCluster): Promise<void> => {
    await cluster.refresh();
    const now = (await cluster.get(type, 'n', 'default')) as KubeObject;
    const data = { n: String(Number((now['data'] as { n: string }).n) + 1) };
    await cluster.update(type, { ...now, data }).catch((error: unknown) => {
      if (!(error instanceof KubeError && error.reason === 'Conflict')) throw error;
      return add(cluster);
    });
  };
  await Promise.all(clusters.flatMap((cluster) => [add(cluster), add(cluster), add(cluster)]));
  await first.refresh();
  expect(await first.get(type, 'n', 'default')).toMatchObject({ data: { n: '9' }, metadata: { generation: 10 } });
});

test('processes that write at once lose nothing of each other', async () => {
  const { cluster } = await open();
  const type = await cluster.resolve('v1', 'ConfigMap');
  const metadata = { name: 'n', namespace: 'default' };
  await cluster.create(type, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { n: '0' } });
  const writer = new URL('./counting-process.test-part.ts', import.meta.url).pathname;
  const args = ['--conditions=source', writer, manifests, join(dir.path, 'state')];
  const writers = await Promise.all([1, 2, 3].map(() => startProcess(process.execPath, args)));
  const ends = await Promise.all(writers.map(({ exited }) => exited));
  expect(
    ends.map(({ code }) => code),
    writers.flatMap(({ lines }) => lines).join('\n'),
  ).toEqual([0, 0, 0]);
  const seen = async () => (await cluster.get(type, 'n', 'default'))?.metadata.generation === 31;
  await waitFor(seen, { what: 'thirty updates' });
  expect(await cluster.get(type, 'n', 'default')).toMatchObject({ data: { n: '30' } });
});

test('a lock that a killed process left is taken away', async () => {
  const { cluster } = await open();
  const gone = await startProcess(process.execPath, ['-e', '']);
  await gone.exited;
  await writeFile(join(dir.path, 'state', 'lock'), String(gone.pid));
  const type = await cluster.resolve('v1', 'ConfigMap');
  const metadata = { name: 'n', namespace: 'default' };
  const made = await cluster.create(type, { apiVersion: 'v1', kind: 'ConfigMap', metadata });
  expect(made.metadata.resourceVersion).toBe('1');
});

test('a Lease is granted at once', async () => {
  const { cluster } = await open();
  const told: string[] = [];
  const handler = { onAcquired: () => told.push('acquired'), onLost: () => told.push('lost') };
  const running = cluster.elect('controller', 'a', handler);
  await waitFor(() => told.length === 1, { what: 'the lease' });
  await running.stop();
  await running.stop();
  expect(told).toEqual(['acquired', 'lost']);
});

test('a directory that is missing is told when it is opened', async () => {
  await rm(manifests, { recursive: true });
  await expect(open()).rejects.toThrow('ENOENT');
});

test('a dry run is answered and writes nothing; of a manifest only where all is dry', async () => {
  await write('a.yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n');
  const { cluster } = await open();
  const configMaps = await cluster.resolve('v1', 'ConfigMap');
  const named = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' } });
  const dry = { dryRun: true };
  expect(await cluster.create(configMaps, named('b'), dry)).toMatchObject({ metadata: { name: 'b' } });
  expect(await cluster.get(configMaps, 'b', 'default')).toBeUndefined();
  const written = await cluster.create(configMaps, named('b'));
  expect(await cluster.update(configMaps, { ...written, data: { n: '1' } }, dry)).toMatchObject({ data: { n: '1' } });
  await cluster.remove(configMaps, 'b', 'default', dry);
  expect(await cluster.get(configMaps, 'b', 'default')).toEqual(written);
  await expect(cluster.remove(configMaps, 'c', 'default', { mustExist: true })).rejects.toMatchObject({ status: 404 });
  await expect(cluster.update(configMaps, named('a'), dry)).rejects.toMatchObject({ reason: 'Forbidden' });
  const generated = { ...named(''), metadata: { name: '', generateName: 'gen-', namespace: 'default' } };
  expect((await cluster.create(configMaps, generated)).metadata.name).toMatch(/^gen-[a-z0-9]{5}$/);
  const state = join(dir.path, 'dry-state');
  const all = await openDirectory({ manifests, state, log, dryRunOnly: true, onProblem: () => undefined });
  expect(await all.update(configMaps, { ...named('a'), data: { n: '1' } })).toMatchObject({ data: { n: '1' } });
  await all.remove(configMaps, 'a', 'default');
  await all.create(configMaps, named('d'));
  expect((await all.list(configMaps)).map(({ metadata }) => metadata.name)).toEqual(['a']);
  await all.close();
});
