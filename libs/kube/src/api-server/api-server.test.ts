import { API_VERSION, type KubeObject } from '@jspolicy/contracts';
import { createLogger } from '@jspolicy/runtime';
import { type KubeApiServer, kubeForTest, waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { installCrds } from '../crds.ts';
import { KubeError, type ResourceType } from '../port.ts';
import { type ApiServerCluster, connectApiServer } from './connect.ts';
import { loadCredentials } from './credentials.ts';
import { HttpClient, type HttpRequest } from './http-client.ts';
import { listAll, listPages } from './list-pages.ts';
import { kubeconfigThrough, type TcpProxy, tcpProxy } from './tcp-proxy.test-part.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const CRDS = new URL('../../../../k8s/crds', import.meta.url).pathname;
let kube: KubeApiServer;
let cluster: ApiServerCluster;
let configMaps: ResourceType;

beforeAll(async () => {
  // Old revisions are dropped soon, so that real 410 answers can be had: not between two pages of a slow machine.
  kube = await kubeForTest({ flags: ['--etcd-compaction-interval=4s', '--feature-gates=ListFromCacheSnapshot=false'] });
  cluster = await connectApiServer({ kubeconfig: kube.kubeconfigPath, log });
  configMaps = await cluster.resolve('v1', 'ConfigMap');
});

afterAll(async () => {
  cluster?.close();
  await kube?.stop();
});

const configMap = (name: string, namespace: string, data = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace, labels: { half: name.endsWith('0') ? 'yes' : 'no' } },
  data,
});

async function createNamespace(name: string): Promise<void> {
  const namespaces = await cluster.resolve('v1', 'Namespace');
  await cluster.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
}

/** Keeps what a watch tells of one namespace. */
function follow(watched: ApiServerCluster, namespace: string) {
  const told: string[] = [];
  const errors: Error[] = [];
  let synced = 0;
  const note = (sign: string, { metadata }: KubeObject) => {
    // What is told after a new list only has its identity.
    const mark = metadata.labels ? '' : ' by list';
    if (metadata.namespace === namespace) told.push(`${sign}${metadata.name}${mark}`);
  };
  const running = watched.watch(configMaps, {
    onChange: (object) => note('+', object),
    onDelete: (object) => note('-', object),
    onSynced: () => {
      synced += 1;
    },
    onError: (error) => errors.push(error),
  });
  const saw = (what: string) => waitFor(() => told.includes(what), { what: `${what} in ${told}` });
  return { told, errors, running, saw, isSynced: () => synced === 1 };
}

test('a list comes in pages and is whole; limit and selectors are kept', async () => {
  await createNamespace('many');
  const names = Array.from({ length: 1200 }, (_, i) => `c-${String(i).padStart(4, '0')}`);
  for (let i = 0; i < names.length; i += 50) {
    await Promise.all(names.slice(i, i + 50).map((name) => cluster.create(configMaps, configMap(name, 'many'))));
  }
  const all = await cluster.list(configMaps, { namespace: 'many', labelSelector: 'half' });
  expect(all.map(({ metadata }) => metadata.name)).toEqual(names);
  expect(all[0]).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' });
  expect(await cluster.list(configMaps, { namespace: 'many', labelSelector: 'half=yes' })).toHaveLength(120);
  expect(await cluster.list(configMaps, { namespace: 'many', limit: 700 })).toHaveLength(700);
  expect(await cluster.list(configMaps, { namespace: 'many', fieldSelector: 'metadata.name=c-0007' })).toHaveLength(1);
});

test('a list that is larger than wanted is not read to its end', async () => {
  // The second page passes the bound.
  await expect(cluster.list(configMaps, { namespace: 'many', maxBytes: 400_000 })).rejects.toMatchObject({
    status: 413,
    reason: 'RequestEntityTooLarge',
    message: 'the list is larger than 400000 bytes',
  });
  expect(await cluster.list(configMaps, { namespace: 'many', maxBytes: 4_000_000 })).toHaveLength(1200);
});

test('a list that expires between two pages is read once more', async () => {
  let pages = 0;
  /** Waits before the second page until its continue token has expired, as an API server that was slow would. */
  class SlowClient extends HttpClient {
    override async json(request: HttpRequest): Promise<unknown> {
      if (request.path.includes('continue=') && pages++ === 0) await expired(() => super.json(request));
      return super.json(request);
    }
  }
  const http = new SlowClient(await loadCredentials(kube.kubeconfigPath));
  expect(await listAll(http, configMaps, { namespace: 'many', labelSelector: 'half' })).toHaveLength(1200);
  pages = 0;
  const iterator = listPages(http, configMaps, { namespace: 'many' });
  expect((await iterator.next()).value.objects).toHaveLength(500);
  await expect(iterator.next()).rejects.toMatchObject({ status: 410, reason: 'Expired' });
  http.close();
});

/** Writes until the old revision is compacted away. */
async function expired(ask: () => Promise<unknown>): Promise<void> {
  const isExpired = async () => {
    await cluster.update(configMaps, configMap('c-0000', 'many', { at: String(performance.now()) }));
    const error = await ask().then(
      () => undefined,
      (error: unknown) => error,
    );
    return error instanceof KubeError && error.status === 410;
  };
  await waitFor(isExpired, { what: 'the continue token to expire', pollMs: 300 });
}

test('answers that are errors are KubeErrors with the reason of the Status', async () => {
  const made = await cluster.create(configMaps, configMap('one', 'default'));
  await expect(cluster.create(configMaps, configMap('one', 'default'))).rejects.toMatchObject({
    status: 409,
    reason: 'AlreadyExists',
    message: 'configmaps "one" already exists',
  });
  await cluster.update(configMaps, { ...made, data: { a: '1' } });
  const late = cluster.update(configMaps, { ...made, data: { a: '2' } });
  await expect(late).rejects.toMatchObject({ status: 409, reason: 'Conflict' });
  await expect(cluster.create(configMaps, configMap('One', 'default'))).rejects.toMatchObject({ reason: 'Invalid' });
  await expect(cluster.get(configMaps, '../secrets', 'default')).rejects.toMatchObject({ reason: 'BadRequest' });
  await expect(cluster.get(configMaps, 'one', '')).rejects.toMatchObject({ reason: 'BadRequest' });
  expect(await cluster.resolve('v1', 'configmap')).toEqual(configMaps);
  await expect(cluster.resolve('v1', 'configmaps')).rejects.toMatchObject({ status: 404, reason: 'NotFound' });
  await expect(cluster.resolve('v1', 'Nothing')).rejects.toMatchObject({ status: 404, reason: 'NotFound' });
  await expect(cluster.resolve('none.example/v1', 'Nothing')).rejects.toMatchObject({ status: 404 });
  await cluster.remove(configMaps, 'one', 'default');
  await cluster.remove(configMaps, 'one', 'default');
  expect(await cluster.get(configMaps, 'one', 'default')).toBeUndefined();
});

test('an aborted signal ends a request with its reason; a server that is away is ServiceUnavailable', async () => {
  const proxy = await tcpProxy(kube.port);
  const kubeconfig = await kubeconfigThrough(proxy, { path: kube.kubeconfigPath, port: kube.port });
  const other = await connectApiServer({ kubeconfig, log });
  const reason = new Error('enough');
  await expect(other.list(configMaps, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  const running = new AbortController();
  const list = other.list(configMaps, { signal: running.signal });
  running.abort(reason);
  await expect(list).rejects.toBe(reason);
  await other.get(configMaps, 'one', 'default');
  proxy.cut();
  const away = { status: 0, reason: 'ServiceUnavailable', cause: expect.any(Error) };
  await expect(other.get(configMaps, 'one', 'default')).rejects.toMatchObject(away);
  other.close();
  await proxy.stop();
});

test('a kept connection is used again; one that was dropped meanwhile is replaced', async () => {
  const proxy = await tcpProxy(kube.port);
  const other = await connectApiServer({
    kubeconfig: await kubeconfigThrough(proxy, { path: kube.kubeconfigPath, port: kube.port }),
    log,
  });
  for (let i = 0; i < 5; i++) await other.get(configMaps, 'one', 'default');
  expect(proxy.accepted).toBe(1);
  proxy.cut();
  proxy.mend();
  await other.get(configMaps, 'one', 'default');
  expect(proxy.accepted).toBe(2);
  other.close();
  await proxy.stop();
});

test('CRDs are installed twice, and custom resources have a status of their own', async () => {
  await Promise.all([installCrds(cluster, CRDS), installCrds(cluster, CRDS)]);
  const crds = await cluster.resolve('apiextensions.k8s.io/v1', 'CustomResourceDefinition');
  const versions = async () => (await cluster.list(crds)).map(({ metadata }) => metadata.generation);
  expect(await versions()).toEqual([1, 1, 1, 1]);
  await installCrds(cluster, CRDS);
  expect(await versions()).toEqual([1, 1, 1, 1]);
  const type = await cluster.resolve(API_VERSION, 'JsPolicy');
  const policy = (spec: object): KubeObject => ({
    apiVersion: API_VERSION,
    kind: 'JsPolicy',
    metadata: { name: 'a.example.com' },
    spec: { operations: ['CREATE'], resources: ['pods'], ...spec },
  });
  for (const spec of [{ violationPolicy: 'deny!' }, { timeoutSeconds: 31 }, { operations: [] }, { type: 'Other' }]) {
    await expect(cluster.create(type, policy(spec))).rejects.toMatchObject({ status: 422, reason: 'Invalid' });
  }
  const made = await cluster.create(type, { ...policy({ violationPolicy: 'wArN' }), status: { phase: 'Synced' } });
  expect(made).toMatchObject({ spec: policy({ violationPolicy: 'wArN' })['spec'], metadata: { generation: 1 } });
  expect(made['status']).toBeUndefined();
  const withStatus = await cluster.updateStatus(type, { ...made, status: { phase: 'Failed', observedGeneration: 1 } });
  expect(withStatus).toMatchObject({ status: { phase: 'Failed' }, metadata: { generation: 1 } });
  await expect(cluster.updateStatus(type, { ...made, status: {} })).rejects.toMatchObject({ reason: 'Conflict' });
  const changed = cluster.update(type, {
    ...withStatus,
    spec: { ...(policy({})['spec'] as object), type: 'Mutating' },
  });
  await expect(changed).rejects.toThrow('type is immutable');
  const violations = await cluster.resolve(API_VERSION, 'JsPolicyViolations');
  const list = await cluster.create(violations, {
    ...made,
    kind: 'JsPolicyViolations',
    metadata: { name: 'a.b.c' },
    spec: {},
  });
  const status = {
    violations: [{ action: 'Deny', code: 403, requestInfo: {}, userInfo: {} }],
    sequences: [7],
    stream: 's',
  };
  expect(await cluster.updateStatus(violations, { ...list, status })).toMatchObject({ spec: {}, status });
});

test('a watch tells of changes, and goes on over a cut connection without telling anything twice', async () => {
  await createNamespace('cut');
  const proxy = await tcpProxy(kube.port);
  const through = await throughProxy(proxy);
  await cluster.create(configMaps, configMap('a', 'cut'));
  const { told, running, saw, isSynced } = follow(through, 'cut');
  await waitFor(isSynced, { what: 'the first list' });
  await cluster.create(configMaps, configMap('b', 'cut'));
  await saw('+b');
  proxy.cut();
  await cluster.remove(configMaps, 'a', 'cut');
  await cluster.create(configMaps, configMap('c', 'cut'));
  proxy.mend();
  await saw('+c');
  expect(told).toEqual(['+a', '+b', '-a', '+c']);
  await running.stop();
  await running.stop();
  through.close();
  await proxy.stop();
});

test('a watch whose place is gone (410) lists again and tells what vanished, changed and was replaced', async () => {
  await createNamespace('gone');
  const proxy = await tcpProxy(kube.port);
  const through = await throughProxy(proxy);
  for (const name of ['kept', 'changed', 'replaced', 'vanished'])
    await cluster.create(configMaps, configMap(name, 'gone'));
  const { told, running, saw, isSynced } = follow(through, 'gone');
  await waitFor(isSynced, { what: 'the first list' });
  told.length = 0;
  proxy.cut();
  await cluster.remove(configMaps, 'vanished', 'gone');
  await cluster.remove(configMaps, 'replaced', 'gone');
  await cluster.create(configMaps, configMap('replaced', 'gone'));
  await cluster.update(configMaps, configMap('changed', 'gone', { now: 'other' }));
  // A server that starts anew knows no history: the place of the watch is too old for it.
  await kube.kill('SIGKILL');
  await kube.restart();
  proxy.mend();
  await saw('-vanished by list');
  expect(told.toSorted()).toEqual(['+changed', '+replaced', '-replaced by list', '-vanished by list']);
  expect(told.indexOf('-replaced by list')).toBeLessThan(told.indexOf('+replaced'));
  await cluster.create(configMaps, configMap('later', 'gone'));
  await saw('+later');
  expect(isSynced()).toBe(true);
  await running.stop();
  through.close();
  await proxy.stop();
});

test('a watch goes on when the API server is killed and comes back', async () => {
  await createNamespace('killed');
  const { told, errors, running, saw, isSynced } = follow(cluster, 'killed');
  await waitFor(isSynced, { what: 'the first list' });
  await kube.kill('SIGKILL');
  await waitFor(() => errors.length > 0, { what: 'an error' });
  expect(errors[0]).toMatchObject({ status: 0, reason: 'ServiceUnavailable' });
  await kube.restart();
  await cluster.create(configMaps, configMap('new', 'killed'));
  await saw('+new');
  expect(told).toEqual(['+new']);
  await running.stop();
});

async function throughProxy(proxy: TcpProxy): Promise<ApiServerCluster> {
  const kubeconfig = await kubeconfigThrough(proxy, { path: kube.kubeconfigPath, port: kube.port });
  return connectApiServer({ kubeconfig, log });
}
