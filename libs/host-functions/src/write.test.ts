import { readFile, writeFile } from 'node:fs/promises';
import { type ApiServerCluster, connectApiServer } from '@jspolicy/kube';
import { createLogger } from '@jspolicy/runtime';
import { type KubeApiServer, kubeForTest, kubeRequest, type TempDir, tempDir } from '@jspolicy/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testFunctions } from './host-functions.test-part.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const PATH = '/api/v1/namespaces/shop/configmaps';
let kube: KubeApiServer;
let dir: TempDir;
let cluster: ApiServerCluster;
/** May read and write nothing. */
let stranger: ApiServerCluster;

beforeAll(async () => {
  [kube, dir] = await Promise.all([kubeForTest({ users: [{ name: 'stranger', groups: [] }] }), tempDir()]);
  cluster = await connectApiServer({ kubeconfig: kube.kubeconfigPath, log });
  const kubeconfig = `${dir.path}/stranger.yaml`;
  const admin = await readFile(kube.kubeconfigPath, 'utf8');
  await writeFile(kubeconfig, admin.replaceAll(kube.token, kube.tokens['stranger'] ?? ''));
  stranger = await connectApiServer({ kubeconfig, log });
  await kubeRequest(kube, 'POST', '/api/v1/namespaces', { metadata: { name: 'shop' } });
});
afterAll(async () => {
  cluster?.close();
  stranger?.close();
  await kube?.stop();
  await dir?.remove();
});

const configMap = (metadata: object, data = { n: '1' }) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data });
const named = (name: string) => configMap({ name, namespace: 'shop' });
const call = (name: string, ...args: unknown[]) => testFunctions({ cluster }).call(name, ...args);
const found = async (name: string) => (await kubeRequest(kube, 'GET', `${PATH}/${name}`)).status === 200;

test('what is created, updated and removed is so in the cluster', async () => {
  const created = (await call('create', named('a'))) as { object: ReturnType<typeof configMap>; ok: boolean };
  expect(created).toMatchObject({ ok: true, object: { metadata: { name: 'a', uid: expect.any(String) } } });
  expect(Object.keys(created)).toEqual(['object', 'ok']);
  expect(Object.keys(created.object)).toEqual(['apiVersion', 'data', 'kind', 'metadata']);
  const changed = { ...created.object, data: { n: '2' } };
  expect(await call('update', changed)).toMatchObject({ ok: true, object: { data: { n: '2' } } });
  expect(await call('update', changed)).toEqual({
    ok: false,
    reason: 'Conflict',
    message: expect.stringContaining('the object has been modified'),
  });
  expect(await call('remove', changed)).toEqual({ ok: true, object: changed });
  expect(await found('a')).toBe(false);
  const missing = { ok: false, reason: 'NotFound', message: 'configmaps "a" not found' };
  expect(await call('remove', changed)).toEqual(missing);
  expect(await call('update', named('a'))).toEqual(missing);
});

test('a dry run is answered like the real thing and changes nothing', async () => {
  const dry = testFunctions({ cluster, dryRun: true });
  expect(await dry.call('create', named('dry'))).toMatchObject({ ok: true, object: { metadata: { name: 'dry' } } });
  expect(await found('dry')).toBe(false);
  const { object } = (await call('create', named('kept'))) as { object: object };
  expect(await dry.call('update', { ...object, data: { n: '9' } })).toMatchObject({ ok: true });
  expect(await dry.call('remove', object)).toMatchObject({ ok: true });
  expect((await kubeRequest(kube, 'GET', `${PATH}/kept`)).body.data).toEqual({ n: '1' });
  expect(await dry.call('create', named('kept'))).toMatchObject({ ok: false, reason: 'AlreadyExists' });
});

test('what the cluster does not allow is a result with its reason', async () => {
  const { call: strangerCall } = testFunctions({ cluster: stranger });
  for (const name of ['create', 'update', 'remove']) {
    const message = expect.stringMatching(/User "stranger" cannot \w+ resource "configmaps"/);
    expect(await strangerCall(name, named('b'))).toEqual({ ok: false, reason: 'Forbidden', message });
  }
  expect(await call('create', named('Bad_Name'))).toMatchObject({ ok: false, reason: 'Invalid' });
  expect(await call('create', configMap({ name: 'x', namespace: 'nowhere' }))).toMatchObject({ reason: 'NotFound' });
});

describe('what cannot be asked', () => {
  const NO_NAMESPACE = 'an empty namespace may not be set';
  test.each([
    ['create', {}, "Object 'Kind' is missing in 'unstructured object has no kind'"],
    ['update', null, "Object 'Kind' is missing in 'unstructured object has no kind'"],
    ['create', { kind: 'Pod', apiVersion: 'a/b/c' }, "Object 'Kind' is missing in 'unstructured object has no kind'"],
    ['create', { kind: 'Pod' }, "Object 'apiVersion' is missing in 'unstructured object has no version'"],
    ['remove', { kind: 'Nope', apiVersion: 'v1' }, 'no matches for kind "Nope" in version "v1"'],
    ['create', { kind: 'ConfigMap', apiVersion: 'v1' }, `${NO_NAMESPACE} during creation`],
    ['create', configMap({ name: 'x', namespace: 5 }), `${NO_NAMESPACE} during creation`],
    ['update', configMap({ name: 'x' }), `${NO_NAMESPACE} when a resource name is provided`],
    ['remove', configMap({ namespace: 'shop' }), 'resource name may not be empty'],
    ['remove', named('../secrets/x'), `invalid resource name "../secrets/x": [may not contain '/']`],
    ['create', configMap({ name: 'x', namespace: '..' }), `invalid namespace "..": [may not be '..']`],
  ])('%s(%j)', async (name, object, message) => {
    expect(await call(name, object)).toEqual({ ok: false, message });
  });

  test.each([
    [[], "invalid character 'u' looking for beginning of value"],
    [[1], 'json: cannot unmarshal number into Go value of type map[string]interface {}'],
    [['x'], 'json: cannot unmarshal string into Go value of type map[string]interface {}'],
    [[[]], 'json: cannot unmarshal array into Go value of type map[string]interface {}'],
    [[true], 'json: cannot unmarshal bool into Go value of type map[string]interface {}'],
  ])('arguments %j', async (args, message) => {
    const { failure } = testFunctions({ cluster });
    expect(await failure('create', ...args)).toBe(`UnmarshalObject: ${message}`);
    expect(await failure('update', ...args)).toBe(`UnmarshalObject: ${message}`);
    expect(await call('remove', ...args)).toEqual({ ok: false, reason: 'UnmarshalObject', message });
  });
});
