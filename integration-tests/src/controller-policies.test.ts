import type { JsPolicySpec } from '@jspolicy/contracts';
import { waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ClusterClient } from './cluster-client.ts';
import { policy } from './manifests.ts';
import { type RunningCluster, startCluster } from './running-engine.ts';
import type { Stack } from './stack.ts';
import type { WorkWitness } from './work-witness.ts';

const POLICIES = '/apis/policy.jspolicy.com/v1beta1/jspolicies';
const MAPS = (namespace: string) => `/api/v1/namespaces/${namespace}/configmaps`;

let engine: RunningCluster;
let witness: WorkWitness;
let stack: Stack;
let cluster: ClusterClient;

beforeAll(async () => {
  engine = await startCluster({ namespaces: ['team', 'other'] });
  ({ stack, cluster, witness } = engine);
});
afterAll(() => engine?.stop());

const configMap = (name: string, metadata: object = {}, data: Record<string, string> = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...metadata },
  data,
});
const createMap = (namespace: string, ...args: Parameters<typeof configMap>) =>
  cluster.call('POST', MAPS(namespace), configMap(...args));
const inNamespace = (name: string) => ({ matchLabels: { 'kubernetes.io/metadata.name': name } });

/** A Controller policy for ConfigMaps of the namespace team. */
const follows = (name: string, javascript: string, spec: Partial<JsPolicySpec> = {}) =>
  policy(name, javascript, {
    type: 'Controller',
    operations: ['CREATE', 'DELETE'],
    resources: ['configmaps'],
    apiGroups: [''],
    namespaceSelector: inNamespace('team'),
    ...spec,
  });
const keysOf = (name: string) => witness.of(name).map(({ operation, key }) => `${operation} ${key}`);
const seesOf = (name: string, ...wanted: string[]) =>
  witness.until(`${name} to see ${wanted.join(', ')}`, () => wanted.every((each) => keysOf(name).includes(each)));

test('what exists is a CREATE when the policy appears, what comes and changes as well, with the request of its kind', async () => {
  const name = 'sees.work.example';
  await createMap('team', 'before', {}, { a: '1' });
  await createMap('other', 'elsewhere');
  await cluster.applyPolicy(follows(name, witness.code(name)));
  const { status } = await cluster.policy(name);
  expect(status.conditions.map(({ type, status: is }: { type: string; status: string }) => `${type} ${is}`)).toEqual([
    'Ready True',
    'BundleCompiled True',
    'ControllerReady True',
  ]);
  const webhooks = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
  expect((await cluster.call('GET', `${webhooks}/${name}`)).status).toBe(404);
  await seesOf(name, 'CREATE team/before');
  await createMap('team', 'after');
  await seesOf(name, 'CREATE team/after');
  const changed = await cluster.call('PATCH', `${MAPS('team')}/before`, { data: { a: '2' } });
  const { resourceVersion } = changed.body.metadata;
  await witness.until('the new version', () => witness.of(name).some(({ version }) => version === resourceVersion));
  const { request } = witness.of(name).find(({ version }) => version === resourceVersion) ?? {};
  expect(request).toEqual({
    uid: '',
    kind: { group: '', version: 'v1', kind: 'ConfigMap' },
    resource: { group: '', version: '', resource: '' },
    name: 'before',
    namespace: 'team',
    operation: 'CREATE',
    userInfo: {},
    object: changed.body,
    oldObject: null,
    options: null,
  });
  expect(witness.of(name).filter(({ key }) => !key.startsWith('team/'))).toEqual([]);
  await cluster.removePolicy(name);
});

test('DELETE: without an object when it is gone, with it while a finalizer keeps it', async () => {
  const name = 'deletes.work.example';
  await createMap('team', 'plain');
  await createMap('team', 'kept', { finalizers: ['test.example/kept'] });
  await cluster.applyPolicy(follows(name, witness.code(name)));
  await seesOf(name, 'CREATE team/plain', 'CREATE team/kept');
  await cluster.call('DELETE', `${MAPS('team')}/plain`);
  await cluster.call('DELETE', `${MAPS('team')}/kept`);
  await seesOf(name, 'DELETE team/plain', 'DELETE team/kept');
  const objectsOf = (key: string) =>
    witness
      .of(name)
      .filter((each) => each.key === key && each.operation === 'DELETE')
      .map(({ request }) => request.object);
  expect(objectsOf('team/plain')).toEqual([null]);
  expect(objectsOf('team/kept')[0].metadata).toMatchObject({ deletionTimestamp: expect.any(String) });
  await cluster.call('PATCH', `${MAPS('team')}/kept`, { metadata: { finalizers: [] } });
  await witness.until('the end of what was kept', () => objectsOf('team/kept').includes(null));
  await cluster.removePolicy(name);
});

test('requeue() has it evaluated again until it no longer asks; a policy that fails too', async () => {
  const name = 'requeues.work.example';
  const code = `if (list("ConfigMap", "v1", {namespace: "team", labelSelector: "arrived", cache: false}).length === 0) {
    if (request.name.length % 2) requeue("not there yet"); else throw new Error("not there yet"); }`;
  await createMap('team', 'odds');
  await createMap('team', 'odd');
  const selector = { matchExpressions: [{ key: 'arrived', operator: 'DoesNotExist' }] };
  await cluster.applyPolicy(follows(name, witness.code(name, code), { objectSelector: selector }));
  const begins = (key: string) => witness.of(name, 'begin').filter((each) => each.key === key).length;
  await witness.until('four tries of each', () => begins('team/odd') >= 4 && begins('team/odds') >= 4);
  expect(keysOf(name)).toEqual([]);
  await createMap('team', 'thing', { labels: { arrived: '' } });
  await seesOf(name, 'CREATE team/odd', 'CREATE team/odds');
  await cluster.removePolicy(name);
});

test('deny() records a violation of action Controller without a user, and does nothing else', async () => {
  const name = 'denies.work.example';
  const code =
    'if (request.object?.data?.bad) { warn("careful"); deny("found a bad configmap", "BadConfigMap", 418); }';
  await cluster.applyPolicy(follows(name, code));
  await createMap('team', 'bad', {}, { bad: 'yes' });
  const [violation, ...more] = await cluster.violations(name, 1);
  expect(more).toEqual([]);
  expect(violation).toEqual({
    action: 'Controller',
    code: 418,
    message: 'found a bad configmap',
    reason: 'BadConfigMap',
    requestInfo: { apiVersion: 'v1', kind: 'ConfigMap', name: 'bad', namespace: 'team', operation: 'CREATE' },
    timestamp: expect.any(String),
    userInfo: {},
  });
  expect((await cluster.call('GET', `${MAPS('team')}/bad`)).status).toBe(200);
  await cluster.removePolicy(name);
});

test('selectors: labels of the namespace, also when they change, and of the object', async () => {
  const name = 'selects.work.example';
  const namespaceSelector = { matchLabels: { tier: 'gold' } };
  const objectSelector = { matchExpressions: [{ key: 'skip', operator: 'DoesNotExist' }] };
  await cluster.call('POST', '/api/v1/namespaces', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'gold', labels: { tier: 'gold' } },
  });
  await cluster.createNamespace('later');
  for (const namespace of ['gold', 'later']) {
    await createMap(namespace, 'yes');
    await createMap(namespace, 'no', { labels: { skip: '' } });
  }
  await cluster.applyPolicy(follows(name, witness.code(name), { namespaceSelector, objectSelector }));
  await seesOf(name, 'CREATE gold/yes');
  await cluster.call('PATCH', '/api/v1/namespaces/later', { metadata: { labels: { tier: 'gold' } } });
  await seesOf(name, 'CREATE later/yes');
  await cluster.call('DELETE', `${MAPS('later')}/no`);
  await cluster.call('DELETE', `${MAPS('later')}/yes`);
  await seesOf(name, 'DELETE later/yes');
  expect(new Set(keysOf(name).filter((each) => !each.includes('kube-root-ca')))).toEqual(
    new Set(['CREATE gold/yes', 'CREATE later/yes', 'DELETE later/yes']),
  );
  await cluster.removePolicy(name);
});

test('a policy that changes: its new code for everything that its new kinds and selectors cover; operations that it leaves are left', async () => {
  const name = 'changes.work.example';
  await createMap('team', 'stays');
  await cluster.applyPolicy(follows(name, witness.code(name)));
  await seesOf(name, 'CREATE team/stays');
  await waitFor(async () => (await stack.bus.work.waiting(name)) === 0, { what: 'all old objects to be done' });
  await cluster.call('POST', '/api/v1/namespaces/other/secrets', {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'hidden' },
  });
  const javascript = witness.code(name, 'tell("begin", "new code");');
  const spec = { javascript, resources: ['secrets'], namespaceSelector: inNamespace('other'), operations: ['CREATE'] };
  await cluster.call('PATCH', `${POLICIES}/${name}`, { spec: { ...spec } });
  await seesOf(name, 'CREATE other/hidden');
  const begun = witness.of(name, 'begin');
  expect(begun.some(({ key, note }) => key === 'other/hidden' && note === 'new code')).toBe(true);
  const before = witness.of(name).length;
  await cluster.call('DELETE', '/api/v1/namespaces/other/secrets/hidden');
  await createMap('team', 'unseen');
  await cluster.call('POST', '/api/v1/namespaces/other/secrets', {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'second' },
  });
  await seesOf(name, 'CREATE other/second');
  expect(
    witness
      .of(name)
      .slice(before)
      .filter(({ key }) => key !== 'other/second'),
  ).toEqual([]);
  await cluster.removePolicy(name);
});

test('an edit that does not compile leaves the policy as it was, with its old kinds', async () => {
  const name = 'breaks.work.example';
  await cluster.applyPolicy(follows(name, witness.code(name)));
  await createMap('team', 'first');
  await seesOf(name, 'CREATE team/first');
  await cluster.call('PATCH', `${POLICIES}/${name}`, { spec: { javascript: 'if (', resources: ['secrets'] } });
  await waitFor(async () => (await cluster.policy(name)).status.phase === 'Failed', { what: 'the status to tell' });
  await createMap('team', 'second');
  await seesOf(name, 'CREATE team/second');
  await cluster.removePolicy(name);
});

test('a policy that is deleted takes its waiting work with it; another of its name begins anew', async () => {
  const name = 'ends.work.example';
  await cluster.applyPolicy(follows(name, witness.code(name, 'requeue("for ever")')));
  await witness.until('a try', () => witness.of(name, 'begin').length > 0);
  await cluster.removePolicy(name);
  await waitFor(async () => (await stack.bus.policies.get(name)) === undefined, { what: 'the policy to be gone' });
  await waitFor(async () => (await stack.bus.work.waiting(name)) === 0, { what: 'its work to be gone' });
  await cluster.applyPolicy(follows(name, witness.code(name)));
  await seesOf(name, 'CREATE team/before');
  await cluster.removePolicy(name);
});

test('kinds that are not served are told, and followed when they are', async () => {
  const name = 'waits.work.example';
  const kinds = { resources: ['sprockets'], apiGroups: ['test.example'], namespaceSelector: {} };
  await cluster.call('POST', POLICIES, follows(name, witness.code(name), kinds));
  const told = await waitFor(
    async () => {
      const { status } = await cluster.policy(name);
      return status?.phase === 'Failed' && status;
    },
    { what: 'the status to tell' },
  );
  expect(told).toMatchObject({
    reason: 'InitControllerPolicy',
    message: 'nothing that can be followed is served: sprockets',
  });
  expect(told.conditions).toContainEqual(
    expect.objectContaining({ type: 'ControllerReady', status: 'False', severity: 'Error' }),
  );
  const schema = { openAPIV3Schema: { type: 'object' } };
  await cluster.call('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'sprockets.test.example' },
    spec: {
      group: 'test.example',
      scope: 'Cluster',
      names: { plural: 'sprockets', singular: 'sprocket', kind: 'Sprocket' },
      versions: [
        { name: 'v1alpha1', served: true, storage: false, schema },
        { name: 'v1', served: true, storage: true, schema },
      ],
    },
  });
  const path = '/apis/test.example/v1/sprockets';
  await waitFor(async () => (await cluster.call('GET', path)).status === 200, { what: 'the kind to be served' });
  await cluster.call('POST', path, {
    apiVersion: 'test.example/v1',
    kind: 'Sprocket',
    metadata: { name: 'round' },
  });
  await witness.until('the object of the new kind', () => keysOf(name).includes('CREATE /round'));
  expect(witness.of(name).map(({ request }) => request.kind.version)).toEqual(['v1']);
  await waitFor(async () => (await cluster.policy(name)).status.phase === 'Synced', {
    what: 'the status to be mended',
  });
  await cluster.removePolicy(name);
});

test('resources: * is accepted and told in the status, and nothing is followed', async () => {
  const name = 'everything.work.example';
  const created = await cluster.call('POST', POLICIES, follows(name, witness.code(name), { resources: ['pods', '*'] }));
  expect(created.status).toBe(201);
  const told = async () => (await cluster.policy(name)).status?.phase === 'Failed';
  await waitFor(told, { what: 'the status to tell' });
  expect((await cluster.policy(name)).status).toMatchObject({
    reason: 'InitControllerPolicy',
    message: "resources: a Controller policy names what it follows, '*' is not allowed",
  });
  await cluster.removePolicy(name);
});
