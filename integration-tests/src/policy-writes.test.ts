import { waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ClusterClient } from './cluster-client.ts';
import { policy } from './manifests.ts';
import { type RunningCluster, startCluster } from './running-engine.ts';

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
/** Notes each ConfigMap that is created in another one; its own notes it leaves alone. */
const NOTES = `if (request.name.startsWith('note-')) allow();
const {name, namespace} = request.object.metadata;
const metadata = {name: 'note-' + name, namespace};
const written = create({kind: 'ConfigMap', apiVersion: 'v1', metadata});
warn(JSON.stringify([written.ok, written.reason]));
update({...written.object, data: {of: name}});`;

let engine: RunningCluster;
let cluster: ClusterClient;

beforeAll(async () => {
  engine = await startCluster();
  cluster = engine.cluster;
  await cluster.applyPolicy(policy('notes.writes.example', NOTES, { resources: ['configmaps'] }));
  const asks = async () => (await create('asked', '?dryRun=All')).headers.warning;
  await waitFor(asks, { what: 'the API server to ask' });
});
afterAll(() => engine?.stop());

const create = (name: string, query = '') => cluster.call('POST', CONFIG_MAPS + query, { metadata: { name } });
const found = async (name: string) => (await cluster.call('GET', `${CONFIG_MAPS}/${name}`)).status === 200;

test('a policy writes; in a dry run its user writes nothing, and neither does it', async () => {
  const tried = await create('tried', '?dryRun=All');
  expect(tried.status).toBe(201);
  expect(tried.headers.warning).toContain('[true,null]');
  expect([await found('tried'), await found('note-tried')]).toEqual([false, false]);

  expect(await create('done')).toMatchObject({ status: 201 });
  expect((await cluster.call('GET', `${CONFIG_MAPS}/note-done`)).body.data).toEqual({ of: 'done' });
});

test('what exists already is a result that the policy reads', async () => {
  expect((await create('note-twice')).status).toBe(201);
  expect((await create('twice')).headers.warning).toContain('AlreadyExists');
});
