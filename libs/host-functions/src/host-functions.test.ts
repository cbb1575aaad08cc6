import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openDirectory } from '@jspolicy/kube';
import { createLogger } from '@jspolicy/runtime';
import { type TempDir, tempDir } from '@jspolicy/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DirectReader } from './cluster-reader.ts';
import { Fetcher } from './fetch/fetcher.ts';
import { hostFunctions } from './host-functions.ts';

const configMap = (name: string, labels: object, data: object) =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'shop', labels }, data });
const manifests = [
  configMap('a', { team: 'x', tier: 'front' }, { n: '1' }),
  configMap('b', { team: 'y' }, { n: '2' }),
  configMap('c', {}, { n: '3' }),
  JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } }),
];

const log = createLogger({ service: 'test', level: 'silent' });
let dir: TempDir;
let cluster: Awaited<ReturnType<typeof openDirectory>>;

beforeAll(async () => {
  dir = await tempDir();
  const folder = join(dir.path, 'manifests');
  await mkdir(folder);
  await writeFile(join(folder, 'all.yaml'), manifests.join('\n---\n'));
  cluster = await openDirectory({ manifests: folder, state: join(dir.path, 'state'), log, onProblem: () => undefined });
});
afterAll(async () => {
  await cluster.close();
  await dir.remove();
});

const parts = {
  reader: new DirectReader(async () => cluster),
  writer: { open: async () => cluster, isDryRun: () => false },
  fetcher: new Fetcher([]),
  filesDir: '',
  env: { JSPOLICY_ENV_REGION: 'north', SECRET: 's' },
  envPrefixes: ['JSPOLICY_ENV_'],
  onPrint: () => undefined,
};
const call = (name: string, ...args: unknown[]) =>
  hostFunctions(parts).call({ name, args }, new AbortController().signal);
/** As a policy reads it. */
const failure = async (name: string, ...args: unknown[]) => {
  const error = await call(name, ...args).then(
    () => 'no error',
    (thrown: unknown) => thrown,
  );
  return error instanceof Error && 'reason' in error ? `${error.reason}: ${error.message}` : error;
};
const names = (objects: unknown) =>
  (objects as { metadata: { name: string } }[]).map(({ metadata }) => metadata.name).sort();

describe('get', () => {
  test.each([[[]], [[{ cache: false }]], [[{ cache: true }]], [[{ cache: 'smart' }]], [[null]]])(
    'an object, options %j',
    async (options) => {
      expect(await call('get', 'ConfigMap', 'v1', 'shop/a', ...options)).toMatchObject({
        metadata: { name: 'a' },
        data: { n: '1' },
      });
      expect(await call('get', 'ConfigMap', 'v1', 'shop/missing', ...options)).toBeUndefined();
      expect(await call('get', 'ConfigMap', 'v1', 'no-such-namespace/a', ...options)).toBeUndefined();
    },
  );

  test('keys are in alphabetical order', async () => {
    const keys = ['apiVersion', 'data', 'kind', 'metadata'];
    expect(Object.keys((await call('get', 'ConfigMap', 'v1', 'shop/a')) as object)).toEqual(keys);
    const [first] = (await call('list', 'ConfigMap', 'v1')) as object[];
    expect(Object.keys(first ?? {})).toEqual(keys);
  });

  test('a kind in lower case is understood, its plural is not', async () => {
    expect(await call('get', 'configmap', 'v1', 'shop/a')).toMatchObject({
      kind: 'ConfigMap',
      metadata: { name: 'a' },
    });
    expect(names(await call('list', 'configmap', 'v1'))).toEqual(['a', 'b', 'c']);
    expect(await failure('get', 'configmaps', 'v1', 'shop/a')).toBe(
      'RetrieveObject: no matches for kind "configmaps" in version "v1"',
    );
  });

  test('the namespace of a kind that has none is ignored', async () => {
    expect(await call('get', 'Namespace', 'v1', 'x/shop')).toMatchObject({ metadata: { name: 'shop' } });
    expect(await call('get', 'Namespace', 'v1', 'shop')).toMatchObject({ metadata: { name: 'shop' } });
  });

  test.each([
    ['', 'resource name may not be empty'],
    ['a', 'an empty namespace may not be set when a resource name is provided'],
    ['x/y/z', `invalid resource name "x/y/z": [may not contain '/']`],
    ['shop/..', `invalid resource name "..": [may not be '..']`],
    ['shop/%2e', `invalid resource name "%2e": [may not contain '%']`],
  ])('the name %j: nothing in the copy, an error of the cluster', async (name, message) => {
    expect(await call('get', 'ConfigMap', 'v1', name)).toBeUndefined();
    expect(await failure('get', 'ConfigMap', 'v1', name, { cache: false })).toBe(`RetrieveObject: ${message}`);
  });

  test('names of options count in any case, the last of several; what is unknown or null does not', async () => {
    for (const options of [{ CACHE: false }, { cache: true, Cache: false }]) {
      expect(await failure('get', 'ConfigMap', 'v1', '', options)).toBe(
        'RetrieveObject: resource name may not be empty',
      );
    }
    for (const options of [{ cache: null }, { other: 5 }, { Cache: false, cache: true }, {}]) {
      expect(await call('get', 'ConfigMap', 'v1', '', options)).toBeUndefined();
    }
    expect(await failure('get', 'Pod', 'v1', 'x', { Cache: 'smart' })).toBe(
      'UnmarshalOptions: json: cannot unmarshal string into Go struct field GetOptions.cache of type bool',
    );
  });

  test.each([
    ['', 'v1', "Object 'Kind' is missing in 'unstructured object has no kind'"],
    ['Pod', 'a/b/c', "Object 'Kind' is missing in 'unstructured object has no kind'"],
    ['Pod', '', "Object 'apiVersion' is missing in 'unstructured object has no version'"],
    ['Pod', 'apps/', "Object 'apiVersion' is missing in 'unstructured object has no version'"],
    ['Pod', 'core/v1', 'no matches for kind "Pod" in version "core/v1"'],
    ['Deployment', 'apps', 'no matches for kind "Deployment" in version "apps"'],
    ['PodList', 'v1', 'no matches for kind "PodList" in version "v1"'],
  ])('kind %j of %j', async (kind, apiVersion, message) => {
    for (const options of [undefined, { cache: false }, { cache: 'smart' }]) {
      expect(await failure('get', kind, apiVersion, 'x', options)).toBe(`RetrieveObject: ${message}`);
    }
  });

  test('a kind that is not served', async () => {
    expect(await failure('get', 'Nope', 'v1', 'x')).toBe('RetrieveObject: no matches for kind "Nope" in version "v1"');
  });

  test('wrong arguments', async () => {
    const wrong = 'WrongArguments: kind, group version and name need to be string values';
    for (const args of [[], ['Pod'], ['Pod', 'v1'], [1, 2, 3], ['Pod', 'v1', null]])
      expect(await failure('get', ...args)).toBe(wrong);
    expect(await failure('get', 'Pod', 'v1', 'x', 'opts')).toBe(
      'UnmarshalOptions: json: cannot unmarshal string into Go value of type vm.GetOptions',
    );
    expect(await failure('get', 'Pod', 'v1', 'x', { cache: 'yes' })).toBe(
      'UnmarshalOptions: json: cannot unmarshal string into Go struct field GetOptions.cache of type bool',
    );
  });
});

describe('list', () => {
  test.each([
    [{}, ['a', 'b', 'c']],
    [{ namespace: 'shop' }, ['a', 'b', 'c']],
    [{ namespace: 'elsewhere' }, []],
    [{ labelSelector: '' }, ['a', 'b', 'c']],
    [{ labelSelector: 'team=x' }, ['a']],
    [{ labelSelector: 'team!=x' }, ['b', 'c']],
    [{ labelSelector: 'team' }, ['a', 'b']],
    [{ labelSelector: 'team in (x,y),tier notin (back)' }, ['a', 'b']],
    [{ fieldSelector: 'metadata.name=b' }, ['b']],
    [null, ['a', 'b', 'c']],
    [{ LabelSelector: 'team=x', Namespace: 'shop' }, ['a']],
    [{ namespace: 'elsewhere', NAMESPACE: 'shop' }, ['a', 'b', 'c']],
    [{ selector: 'team=x', cache: null }, ['a', 'b', 'c']],
  ])('%j', async (options, expected) => {
    expect(names(await call('list', 'ConfigMap', 'v1', options))).toEqual(expected);
  });

  test('the kind of a list is as good as that of its objects', async () => {
    expect(names(await call('list', 'ConfigMapList', 'v1'))).toEqual(['a', 'b', 'c']);
    expect(await failure('list', 'NopeList', 'v1')).toBe('ErrorListing: no matches for kind "Nope" in version "v1"');
    expect(await failure('list', 'List', 'v1')).toMatch(/^ErrorListing: no matches for kind /);
  });

  test.each([
    ['', 'v1', 'no matches for kind "" in version "v1"'],
    ['Pod', '', "Object 'apiVersion' is missing in 'unstructured object has no version'"],
    ['Pod', 'a/b/c', "Object 'Kind' is missing in 'unstructured object has no kind'"],
    ['pods', 'v1', 'no matches for kind "pods" in version "v1"'],
  ])('kind %j of %j', async (kind, apiVersion, message) => {
    expect(await failure('list', kind, apiVersion)).toBe(`ErrorListing: ${message}`);
  });

  test('limit', async () => {
    expect(await call('list', 'ConfigMap', 'v1', { limit: 2 })).toHaveLength(2);
  });

  test('errors', async () => {
    expect(await failure('list', 'Nope', 'v1')).toBe('ErrorListing: no matches for kind "Nope" in version "v1"');
    expect(await failure('list', 'ConfigMap', 'v1', { labelSelector: 'a b c' })).toMatch(
      /^ParseLabelSelector: couldn't parse the selector string "a b c": /,
    );
    expect(await failure('list', 'ConfigMap', 'v1', { fieldSelector: 'data.x=1' })).toMatch(/^ErrorListing: /);
  });

  test('wrong arguments', async () => {
    const wrong = 'WrongArguments: kind and group version need to be string values';
    for (const args of [[], ['Pod'], [1, 2]]) expect(await failure('list', ...args)).toBe(wrong);
    const unmarshal = 'UnmarshalOptions: json: cannot unmarshal';
    expect(await failure('list', 'Pod', 'v1', 'x')).toBe(`${unmarshal} string into Go value of type vm.ListOptions`);
    expect(await failure('list', 'Pod', 'v1', { namespace: 5 })).toBe(
      `${unmarshal} number into Go struct field ListOptions.namespace of type string`,
    );
    expect(await failure('list', 'Pod', 'v1', { cache: 'smart' })).toBe(
      `${unmarshal} string into Go struct field ListOptions.cache of type bool`,
    );
    // The first of them as they stand there.
    expect(await failure('list', 'Pod', 'v1', { cache: 1, namespace: [] })).toBe(
      `${unmarshal} number into Go struct field ListOptions.cache of type bool`,
    );
    expect(await failure('list', 'Pod', 'v1', { LabelSelector: { a: 'b' } })).toBe(
      `${unmarshal} object into Go struct field ListOptions.labelSelector of type string`,
    );
    expect(await failure('list', 'Pod', 'v1', [])).toBe(`${unmarshal} array into Go value of type vm.ListOptions`);
    expect(await failure('list', 'Pod', 'v1', false)).toBe(`${unmarshal} bool into Go value of type vm.ListOptions`);
  });
});

describe('the others', () => {
  test('env reads granted names', async () => {
    expect(await call('env', 'JSPOLICY_ENV_REGION')).toBe('north');
    expect(await call('env', 'JSPOLICY_ENV_MISSING')).toBe('');
    expect(await failure('env', 'SECRET')).toBe(
      'NotGranted: env("SECRET") is not granted: see ENV_PREFIXES of the evaluator',
    );
    for (const args of [[], [1], ['A', 'B']]) expect(await call('env', ...args)).toBeUndefined();
  });

  test('sleep takes wrong arguments for nothing', async () => {
    for (const args of [[], ['x'], [1, 2], [-5], [0], [null]]) expect(await call('sleep', ...args)).toBeUndefined();
  });

  test('what no policy knows is not granted', async () => {
    expect(await failure('other')).toBe('NotGranted: other() is not granted to policies');
  });

  test('a call ends with its evaluation, whatever it waits for', async () => {
    const evaluation = new AbortController();
    const never = { ...parts, reader: new DirectReader(() => new Promise(() => undefined)) };
    const reading = hostFunctions(never).call({ name: 'list', args: ['Pod', 'v1'] }, evaluation.signal);
    const sleeping = hostFunctions(parts).call({ name: 'sleep', args: [1000] }, evaluation.signal);
    evaluation.abort();
    await expect(reading).rejects.toThrow('the evaluation has ended');
    await expect(sleeping).rejects.toThrow('the evaluation has ended');
  });
});
