import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Cluster, connectApiServer, Informers, openDirectory } from '@jspolicy/kube';
import { createLogger } from '@jspolicy/runtime';
import { JsonText } from '@jspolicy/sandbox';
import { type KubeApiServer, kubeForTest, kubeRequest, tempDir, waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CachedReader, objectText } from './cached-reader.ts';
import { testFunctions } from './host-functions.test-part.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const OBJECTS = [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop', labels: { area: 'sales' } } },
  ...['b', 'a', 'c'].map((name) => ({
    kind: 'ConfigMap',
    apiVersion: 'v1',
    metadata: { namespace: 'shop', name, labels: name === 'c' ? {} : { team: name, zone: 's' } },
    data: { z: name, a: 'ü 😀' },
  })),
];

interface Opened {
  cluster: Cluster;
  close(): Promise<void>;
}

async function onApiServer(): Promise<Opened> {
  const kube: KubeApiServer = await kubeForTest();
  for (const object of OBJECTS) {
    const inside = object.kind === 'Namespace' ? 'namespaces' : 'namespaces/shop/configmaps';
    expect((await kubeRequest(kube, 'POST', `/api/v1/${inside}`, object)).status).toBe(201);
  }
  const cluster = await connectApiServer({ kubeconfig: kube.kubeconfigPath, log });
  return {
    cluster,
    async close() {
      cluster.close();
      await kube.stop();
    },
  };
}

async function onDirectory(): Promise<Opened> {
  const dir = await tempDir();
  const manifests = join(dir.path, 'manifests');
  await mkdir(manifests);
  await writeFile(join(manifests, 'all.yaml'), OBJECTS.map((object) => JSON.stringify(object)).join('\n---\n'));
  const cluster = await openDirectory({ manifests, state: join(dir.path, 'state'), log, onProblem: () => undefined });
  return {
    cluster,
    async close() {
      await cluster.close();
      await dir.remove();
    },
  };
}

const namesOf = (json: string) => JSON.parse(json).map(({ metadata }: { metadata: { name: string } }) => metadata.name);

describe.each([
  ['an API server', onApiServer],
  ['a directory of manifests', onDirectory],
])('get and list on %s', (_, openCluster) => {
  let opened: Opened;
  let informers: Informers;
  let functions: ReturnType<typeof testFunctions>;
  const copied = new Set<string>();

  beforeAll(async () => {
    opened = await openCluster();
    const { cluster } = opened;
    const onSize = (kind: string) => copied.add(kind);
    informers = new Informers({ cluster, textOf: objectText, maxBytes: 1e8, idleMs: 600_000, onSize, log });
    functions = testFunctions({ reader: new CachedReader(async () => ({ cluster, informers })), cluster });
  });
  afterAll(async () => {
    await informers?.stop();
    await opened?.close();
  });

  /** As the sandbox sends it. */
  const text = async (name: string, ...args: unknown[]) => {
    const value = await functions.call(name, ...args);
    return value instanceof JsonText ? Buffer.concat(value.pieces).toString() : JSON.stringify(value);
  };

  test.each([
    [{ labelSelector: 'zone' }, ['a', 'b']],
    [{ namespace: 'shop' }, ['a', 'b', 'c']],
    [{ namespace: 'elsewhere' }, []],
    [{ namespace: 'shop', labelSelector: 'team in (a,b),zone' }, ['a', 'b']],
    [{ namespace: 'shop', labelSelector: 'team notin (a)', limit: 1 }, ['b']],
    [{ namespace: 'shop', fieldSelector: 'metadata.name!=a' }, ['b', 'c']],
    [{ labelSelector: '!team', fieldSelector: 'metadata.namespace=shop' }, ['c']],
  ])('list %j: the same text from the copies and from the cluster', async (options, names) => {
    const direct = await text('list', 'ConfigMap', 'v1', { ...options, cache: false });
    expect(await text('list', 'ConfigMap', 'v1', options)).toBe(direct);
    expect(await text('list', 'ConfigMap', 'v1', { ...options, cache: true })).toBe(direct);
    expect(namesOf(direct)).toEqual(names);
    expect(copied.has('configmaps.v1')).toBe(true);
  });

  test('get: the same text from the copies and from the cluster', async () => {
    const direct = await text('get', 'ConfigMap', 'v1', 'shop/a', { cache: false });
    expect(JSON.parse(direct)).toMatchObject({ data: { z: 'a', a: 'ü 😀' } });
    for (const options of [[], [{ cache: true }], [{ cache: 'smart' }]]) {
      expect(await text('get', 'ConfigMap', 'v1', 'shop/a', ...options)).toBe(direct);
      expect(await text('get', 'ConfigMap', 'v1', 'shop/none', ...options)).toBeUndefined();
    }
    expect(JSON.parse(await text('get', 'Namespace', 'v1', 'x/shop')).metadata.labels.area).toBe('sales');
  });

  test('smart finds at once what was written just now; the copies show it soon', async () => {
    const made = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'new', namespace: 'default' } };
    await functions.call('create', made);
    expect(await text('get', 'ConfigMap', 'v1', 'default/new', { cache: 'smart' })).toContain('"name":"new"');
    await waitFor(() => text('get', 'ConfigMap', 'v1', 'default/new'), { what: 'the copy' });
    await functions.call('remove', made);
    const gone = async () => (await text('get', 'ConfigMap', 'v1', 'default/new')) === undefined;
    await waitFor(gone, { what: 'the end of the copy' });
  });

  test('what cannot be read', async () => {
    expect(await functions.failure('get', 'Nope', 'v1', 'x')).toBe(
      'RetrieveObject: no matches for kind "Nope" in version "v1"',
    );
    expect(await functions.failure('list', 'Nope', 'v1')).toBe(
      'ErrorListing: no matches for kind "Nope" in version "v1"',
    );
    expect(await functions.failure('list', 'ConfigMap', 'v1', { labelSelector: 'a b c' })).toMatch(
      /^ParseLabelSelector: couldn't parse the selector string "a b c": unable to parse requirement: /,
    );
    expect(await functions.failure('list', 'ConfigMap', 'v1', { fieldSelector: 'data.x=1' })).toMatch(
      /^ErrorListing: /,
    );
  });
});

test('a kind that may be got but not listed: an error from the copies, the object when they are not asked alone', async () => {
  const kube = await kubeForTest({ users: [{ name: 'getter' }] });
  const rbac = '/apis/rbac.authorization.k8s.io/v1';
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  const metadata = { name: 'getter' };
  const rules = [{ apiGroups: [''], resources: ['namespaces'], verbs: ['get'] }];
  await kubeRequest(kube, 'POST', `${rbac}/clusterroles`, { apiVersion, kind: 'ClusterRole', metadata, rules });
  await kubeRequest(kube, 'POST', `${rbac}/clusterrolebindings`, {
    apiVersion,
    kind: 'ClusterRoleBinding',
    metadata,
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'getter' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'getter' }],
  });
  const kubeconfig = `${kube.kubeconfigPath}.getter`;
  const admin = await readFile(kube.kubeconfigPath, 'utf8');
  await writeFile(kubeconfig, admin.replaceAll(kube.token, kube.tokens['getter'] ?? ''));
  const cluster = await connectApiServer({ kubeconfig, log });
  const informers = new Informers({
    cluster,
    textOf: objectText,
    maxBytes: 1e8,
    idleMs: 600_000,
    onSize: () => undefined,
    log,
  });
  const { call, failure } = testFunctions({ reader: new CachedReader(async () => ({ cluster, informers })) });
  const words = 'is forbidden: User "getter" cannot list resource "namespaces" in API group "" at the cluster scope';
  const direct = () => call('get', 'Namespace', 'v1', 'default', { cache: false });
  await waitFor(direct, { what: 'the rights to take effect' });
  expect(await failure('get', 'Namespace', 'v1', 'default')).toBe(`RetrieveObject: namespaces ${words}`);
  expect(await failure('list', 'Namespace', 'v1')).toBe(`ErrorListing: namespaces ${words}`);
  expect(await failure('list', 'Namespace', 'v1', { cache: false })).toBe(`ErrorListing: namespaces ${words}`);
  const smart = await call('get', 'Namespace', 'v1', 'default', { cache: 'smart' });
  expect(smart).toMatchObject({ metadata: { name: 'default' } });
  await informers.stop();
  cluster.close();
  await kube.stop();
});
