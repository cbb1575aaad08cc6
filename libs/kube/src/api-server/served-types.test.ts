import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createLogger } from '@jspolicy/runtime';
import { type KubeApiServer, kubeForTest, tempDir } from '@jspolicy/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ApiServerCluster, connectApiServer } from './connect.ts';

const log = createLogger({ service: 'test', level: 'silent' });
let kube: KubeApiServer;
let cluster: ApiServerCluster;

beforeAll(async () => {
  kube = await kubeForTest();
  cluster = await connectApiServer({ kubeconfig: kube.kubeconfigPath, log });
});
afterAll(async () => {
  cluster?.close();
  await kube?.stop();
});

test('an API server tells what can be watched, versions in order of preference', async () => {
  const types = await cluster.types();
  const versionsOf = (group: string, resource: string) =>
    types.filter((type) => type.group === group && type.resource === resource).map(({ version }) => version);
  expect(types).toContainEqual({ group: '', version: 'v1', kind: 'Pod', resource: 'pods', namespaced: true });
  expect(types).toContainEqual({ group: '', version: 'v1', kind: 'Node', resource: 'nodes', namespaced: false });
  expect(versionsOf('apps', 'deployments')).toEqual(['v1']);
  expect(versionsOf('autoscaling', 'horizontalpodautoscalers')).toEqual(['v2', 'v1']);
  // They can be created and nothing else; the second has no objects of its own.
  expect(types.map(({ resource }) => resource)).not.toContain('tokenreviews');
  expect(types.map(({ resource }) => resource)).not.toContain('pods/log');
});

/** Answers as an API server before aggregated discovery does; a group whose own server is down has no answer. */
const OLD: Record<string, object> = {
  '/api': { kind: 'APIVersions', versions: ['v1'] },
  '/apis': {
    kind: 'APIGroupList',
    groups: [
      {
        name: 'a.example',
        versions: [{ groupVersion: 'a.example/v1' }, { groupVersion: 'a.example/v2' }],
        preferredVersion: { groupVersion: 'a.example/v2' },
      },
      { name: 'down.example', versions: [{ groupVersion: 'down.example/v1' }] },
    ],
  },
  '/api/v1': { resources: [{ name: 'pods', kind: 'Pod', namespaced: true, verbs: ['list', 'watch'] }] },
  '/apis/a.example/v1': { resources: [{ name: 'as', kind: 'A', namespaced: false, verbs: ['list', 'watch'] }] },
  '/apis/a.example/v2': { resources: [{ name: 'as', kind: 'A', namespaced: false, verbs: ['list', 'watch'] }] },
};

const kubeconfigFor = (url: string): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'old', cluster: { server: url } }],
    users: [{ name: 'nobody', user: {} }],
    contexts: [{ name: 'old', context: { cluster: 'old', user: 'nobody' } }],
    'current-context': 'old',
  });

test('an older one is asked version by version; what does not answer is left out', async () => {
  const server: Server = createServer((request, response) => {
    const answer = OLD[request.url ?? ''];
    response.statusCode = answer ? 200 : 503;
    response.end(JSON.stringify(answer ?? {}));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const dir = await tempDir();
  const kubeconfig = join(dir.path, 'kubeconfig');
  await writeFile(kubeconfig, kubeconfigFor(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
  const old = await connectApiServer({ kubeconfig, log });
  try {
    expect((await old.types()).map(({ version, resource }) => `${version} ${resource}`)).toEqual([
      'v1 pods',
      'v2 as',
      'v1 as',
    ]);
  } finally {
    old.close();
    server.close();
    await dir.remove();
  }
});
