import type { KubeObject } from '@jspolicy/contracts';
import { createLogger } from '@jspolicy/runtime';
import { type KubeApiServer, kubeForTest, kubeRequest, waitFor } from '@jspolicy/testing';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type ApiServerCluster, connectApiServer } from '../api-server/connect.ts';
import { kubeconfigOf } from '../api-server/kubeconfig-of.test-part.ts';
import { kubeconfigThrough, tcpProxy } from '../api-server/tcp-proxy.test-part.ts';
import type { ResourceType } from '../port.ts';
import { testInformers } from './informers.test-part.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const USER = 'reader';
const LISTER = 'lister';
let kube: KubeApiServer;
let cluster: ApiServerCluster;
let configMaps: ResourceType;
const started: { stop(): Promise<void> }[] = [];

beforeAll(async () => {
  kube = await kubeForTest({ users: [{ name: USER }, { name: LISTER }] });
  cluster = await connectApiServer({ kubeconfig: kube.kubeconfigPath, log });
  configMaps = await cluster.resolve('v1', 'ConfigMap');
  await cluster.create(configMaps, configMap('always', 'default'));
});
afterEach(async () => {
  await Promise.all(started.splice(0).map((each) => each.stop()));
});
afterAll(async () => {
  cluster?.close();
  await kube?.stop();
});

const on = (other: Parameters<typeof testInformers>[0], limits?: Parameters<typeof testInformers>[1]) => {
  const made = testInformers(other, limits);
  started.push(made.informers);
  return made;
};
const configMap = (name: string, namespace: string, labels: Record<string, string> = {}, data = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace, labels },
  data,
});

async function namespace(name: string): Promise<string> {
  const namespaces = await cluster.resolve('v1', 'Namespace');
  await cluster.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  return name;
}

test("lists are the API server's own, whole and in its order; one watch serves all", async () => {
  for (const name of ['many', 'many-more']) {
    await namespace(name);
    const make = (i: number) => cluster.create(configMaps, configMap(`c-${i}`, name, { half: i % 2 ? 'odd' : 'even' }));
    for (let i = 0; i < 600; i += 50) await Promise.all(Array.from({ length: 50 }, (_, j) => make(i + j)));
  }
  const { list, sizes, watches, informers } = on(cluster);
  const [first] = await Promise.all([list(configMaps), list(configMaps), list(configMaps, { namespace: 'many' })]);
  expect(first).toEqual(await cluster.list(configMaps));
  for (const options of [
    { namespace: 'many' },
    { labelSelector: 'half in (odd),half!=even', limit: 700 },
    { namespace: 'many', fieldSelector: 'metadata.name!=c-7', labelSelector: 'half' },
    { namespace: 'none' },
  ]) {
    expect(await list(configMaps, options)).toEqual(await cluster.list(configMaps, options));
  }
  expect(watches()).toBe(1);
  const bytes = first?.reduce((sum, object) => sum + Buffer.byteLength(JSON.stringify(object)), 0);
  expect(sizes.get('configmaps.v1')).toEqual({ objects: first?.length, bytes });
  await informers.stop();
  await informers.stop();
  expect(sizes.size).toBe(0);
  expect(await list(configMaps)).toBeUndefined();
});

test('writes and deletions show soon', async () => {
  await namespace('fresh');
  const { get, names } = on(cluster);
  expect(await names(configMaps, { namespace: 'fresh' })).toEqual([]);
  const made = await cluster.create(configMaps, configMap('a', 'fresh'));
  await waitFor(() => get(configMaps, 'fresh', 'a'), { what: 'the new object' });
  await cluster.update(configMaps, { ...made, data: { now: 'other' } });
  await waitFor(async () => (await get(configMaps, 'fresh', 'a')).data?.now === 'other', { what: 'the change' });
  await cluster.remove(configMaps, 'a', 'fresh');
  await waitFor(async () => (await get(configMaps, 'fresh', 'a')) === undefined, { what: 'the deletion' });
  expect(await names(configMaps, { namespace: 'fresh' })).toEqual([]);
});

test('while the API server is away its last state is read; when it is back, what happened meanwhile shows', async () => {
  await namespace('away');
  for (const name of ['kept', 'vanishes']) await cluster.create(configMaps, configMap(name, 'away'));
  const proxy = await tcpProxy(kube.port);
  const kubeconfig = await kubeconfigThrough(proxy, { path: kube.kubeconfigPath, port: kube.port });
  const through = await connectApiServer({ kubeconfig, log });
  const { names } = on(through);
  expect(await names(configMaps, { namespace: 'away' })).toEqual(['kept', 'vanishes']);
  proxy.cut();
  await cluster.remove(configMaps, 'vanishes', 'away');
  await cluster.create(configMaps, configMap('appears', 'away'));
  expect(await names(configMaps, { namespace: 'away' })).toEqual(['kept', 'vanishes']);
  // A server that starts anew knows no history: the watch must list again.
  await kube.kill('SIGKILL');
  await kube.restart();
  proxy.mend();
  const told = async () => (await names(configMaps, { namespace: 'away' }))?.join() === 'appears,kept';
  await waitFor(told, { what: 'the new list' });
  through.close();
  await proxy.stop();
});

test('a read waits for the first list, no longer than its signal; the informer goes on', async () => {
  const proxy = await tcpProxy(kube.port);
  const kubeconfig = await kubeconfigThrough(proxy, { path: kube.kubeconfigPath, port: kube.port });
  const through = await connectApiServer({ kubeconfig, log });
  const { informers, names, watches } = on(through);
  proxy.cut();
  const evaluation = new AbortController();
  const cutShort = informers.list(configMaps, { signal: evaluation.signal });
  const patient = names(configMaps, { namespace: 'default' });
  evaluation.abort(new Error('over'));
  await expect(cutShort).rejects.toThrow('over');
  await expect(informers.list(configMaps, { signal: evaluation.signal })).rejects.toThrow('over');
  proxy.mend();
  expect(await patient).toContain('always');
  expect(watches()).toBe(1);
  through.close();
  await proxy.stop();
});

test("a kind that may not be listed gives the API server's words, and is listed soon after it may be", async () => {
  const reader = await connectApiServer({ kubeconfig: await kubeconfigOf(kube, USER), log });
  const { names, get, sizes } = on(reader);
  const forbidden = {
    status: 403,
    reason: 'Forbidden',
    message: `configmaps is forbidden: User "${USER}" cannot list resource "configmaps" in API group "" at the cluster scope`,
  };
  await expect(names(configMaps)).rejects.toMatchObject(forbidden);
  await expect(get(configMaps, 'default', 'x')).rejects.toMatchObject(forbidden);
  expect(sizes.size).toBe(0);
  await grant(USER, 'configmaps');
  const listed = () => names(configMaps, { namespace: 'default' });
  await waitFor(async () => (await listed())?.length, { what: 'the grant to take effect' });
  reader.close();
});

test('a kind that may be listed but not watched is for the cluster to answer', async () => {
  await grant(LISTER, 'configmaps', ['list']);
  const lister = await connectApiServer({ kubeconfig: await kubeconfigOf(kube, LISTER), log });
  const { names, watches, sizes } = on(lister);
  const left = () =>
    names(configMaps).then(
      (found) => found === undefined,
      () => false,
    );
  await waitFor(left, { what: 'the reads to be left to the cluster' });
  const before = watches();
  expect(await names(configMaps)).toBeUndefined();
  expect(watches()).toBe(before);
  expect(sizes.size).toBe(0);
  lister.close();
});

test('a kind that comes later, goes, and comes again', async () => {
  const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  const { get, names } = on(cluster);
  const served = () => cluster.resolve('late.example.com/v1', 'Widget');
  await expect(served()).rejects.toMatchObject({
    message: 'no matches for kind "Widget" in version "late.example.com/v1"',
  });
  await kubeRequest(kube, 'POST', crds, widgets);
  const type = await waitFor(served, { what: 'the kind to be served' });
  const widget = { apiVersion: 'late.example.com/v1', kind: 'Widget', metadata: { name: 'w', namespace: 'default' } };
  const create = () => cluster.create(type, { ...widget, spec: { n: 1 } });
  await waitFor(create, { what: 'the first object' });
  await waitFor(() => get(type, 'default', 'w'), { what: 'the copy of it' });
  await kubeRequest(kube, 'DELETE', `${crds}/widgets.late.example.com`);
  const isGone = () =>
    names(type).then(
      () => false,
      (error: Error) => error.message.startsWith('no matches for kind'),
    );
  await waitFor(isGone, { what: 'the kind to be gone' });
  await waitFor(async () => (await kubeRequest(kube, 'POST', crds, widgets)).status === 201, { what: 'its return' });
  await waitFor(create, { what: 'its first object' });
  await waitFor(() => get(type, 'default', 'w'), { what: 'the copy of the new one' });
});

test('an informer that nobody uses ends, and begins again when it is used', async () => {
  const { names, sizes, watches } = on(cluster, { idleMs: 50 });
  await names(configMaps);
  expect(sizes.has('configmaps.v1')).toBe(true);
  await waitFor(() => !sizes.has('configmaps.v1'), { what: 'the end of the informer' });
  expect(await names(configMaps, { namespace: 'default' })).toContain('always');
  expect(watches()).toBe(2);
});

test('a kind that has no room is not copied; the others stay', async () => {
  await namespace('room');
  const namespaces = await cluster.resolve('v1', 'Namespace');
  const { names, sizes, watches } = on(cluster, { maxBytes: 60_000 });
  const before = (await names(namespaces))?.length;
  await cluster.create(configMaps, configMap('large', 'room', {}, { text: 'x'.repeat(60_000) }));
  expect(await names(configMaps)).toBeUndefined();
  expect(await names(configMaps, { namespace: 'default' })).toBeUndefined();
  expect(await names(namespaces)).toHaveLength(before ?? 0);
  expect([...sizes.keys()]).toEqual(['namespaces.v1']);
  expect(watches()).toBe(2);
  const nothing = on(cluster, { maxBytes: 0 });
  expect(await nothing.names(namespaces)).toBeUndefined();
  expect(nothing.watches()).toBe(0);
});

async function grant(user: string, resource: string, verbs = ['list', 'watch']): Promise<void> {
  const rbac = '/apis/rbac.authorization.k8s.io/v1';
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  const rules = [{ apiGroups: [''], resources: [resource], verbs }];
  await kubeRequest(kube, 'POST', `${rbac}/clusterroles`, {
    apiVersion,
    kind: 'ClusterRole',
    metadata: { name: user },
    rules,
  });
  await kubeRequest(kube, 'POST', `${rbac}/clusterrolebindings`, {
    apiVersion,
    kind: 'ClusterRoleBinding',
    metadata: { name: user },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: user },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }],
  });
}

const widgets = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.late.example.com' },
  spec: {
    group: 'late.example.com',
    names: { kind: 'Widget', plural: 'widgets', singular: 'widget', listKind: 'WidgetList' },
    scope: 'Namespaced',
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
};
