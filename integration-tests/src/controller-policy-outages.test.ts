import type { KubeObject } from '@jspolicy/contracts';
import { type TestProcess, waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { ClusterClient } from './cluster-client.ts';
import { policy } from './manifests.ts';
import { type RunningCluster, startCluster } from './running-engine.ts';
import type { Stack } from './stack.ts';
import type { WorkWitness } from './work-witness.ts';

const OBJECTS = 200;
let namespace = 0;

let engine: RunningCluster;
let witness: WorkWitness;
let stack: Stack;
let cluster: ClusterClient;

beforeAll(async () => {
  engine = await startCluster({ evaluators: 2 });
  ({ stack, cluster, witness } = engine);
});
afterAll(() => engine?.stop());
beforeEach(async () => {
  namespace++;
  await cluster.createNamespace(`n${namespace}`);
});

const maps = () => `/api/v1/namespaces/n${namespace}/configmaps`;
const names = Array.from({ length: OBJECTS }, (_, index) => `object-${index}`);
const create = (name: string) =>
  cluster.call('POST', maps(), { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels: { mine: '' } } });
const specHere = () => ({
  type: 'Controller' as const,
  resources: ['configmaps'],
  timeoutSeconds: 30,
  namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': `n${namespace}` } },
  objectSelector: { matchLabels: { mine: '' } },
});

/** Objects whose state of this moment was not seen to its end with this note. */
async function unseen(policyName: string, note?: string): Promise<string[]> {
  const { items } = (await cluster.call('GET', `${maps()}?labelSelector=mine`)).body;
  const ends = witness.of(policyName).filter((each) => each.note === note);
  const seen = new Set(ends.map(({ key, version }) => `${key} ${version}`));
  return items
    .map(({ metadata }: KubeObject) => `${metadata.namespace}/${metadata.name} ${metadata.resourceVersion}`)
    .filter((each: string) => !seen.has(each));
}
const allSeen = (policyName: string, note?: string) =>
  waitFor(async () => (await unseen(policyName, note)).length === 0, {
    what: 'every object to be seen in its last state',
  });
const nothingWaits = (policyName: string) =>
  waitFor(async () => (await stack.bus.work.waiting(policyName)) === 0, {
    what: 'nothing to wait',
  });

test('NATS is killed in the middle, objects change while it is away: each is seen in its last state', async () => {
  const name = 'nats.outages.example';
  await Promise.all(names.map(create));
  await cluster.applyPolicy(policy(name, witness.code(name), specHere()));
  await witness.until('the first objects', () => witness.of(name).length >= 10);
  stack.nats.kill('SIGKILL');
  for (const each of names) await cluster.call('PATCH', `${maps()}/${each}`, { data: { to: 'changed' } });
  await stack.nats.restart();
  await allSeen(name);
  await nothingWaits(name);
  expect(witness.overlaps).toEqual([]);
});

test('a policy is edited while its queue is long: its new code for every object', async () => {
  const name = 'edited.outages.example';
  await Promise.all(names.map(create));
  // The old code is slow: on a slow machine too the queue is long when the new one comes.
  const code = (note: string, sleepMs: number) =>
    witness.code(name, `sleep(${sleepMs});`).replace('tell("end")', `tell("end", "${note}")`);
  await cluster.applyPolicy(policy(name, code('old', 2_000), specHere()));
  await witness.until('the first objects', () => witness.of(name).length >= 10);
  const javascript = code('new', 50);
  await cluster.call('PATCH', `/apis/policy.jspolicy.com/v1beta1/jspolicies/${name}`, { spec: { javascript } });
  await allSeen(name, 'new');
  await nothingWaits(name);
  const notes = witness.of(name).map(({ note }) => note);
  expect(notes.lastIndexOf('old')).toBeLessThan(notes.lastIndexOf('new'));
  expect(notes.filter((note) => note === 'old').length).toBeLessThan(OBJECTS);
  expect(witness.overlaps).toEqual([]);
});

test('an evaluator that is stopped in the middle of a piece of work does nothing more for it when it goes on', async () => {
  const name = 'stopped.outages.example';
  const code = 'if (env("EVALUATOR_ID") === "evaluator-0") for (let i = 0; i < 20; i++) sleep(1000);';
  await cluster.applyPolicy(policy(name, witness.code(name, code), specHere()));
  const begun = () => witness.of(name, 'begin').find(({ evaluator }) => evaluator === 'evaluator-0');
  for (let index = 0; !begun(); index++) {
    await create(`stopped-${index}`);
    await witness.until('it to be begun', () =>
      witness.of(name, 'begin').some(({ key }) => key.endsWith(`/stopped-${index}`)),
    );
  }
  const key = begun()?.key;
  const child = stack.processes.evaluator.find(isCalled('evaluator-0'));
  child?.kill('SIGSTOP');
  witness.died('evaluator-0');
  await witness.until('the other to do it', () =>
    witness.of(name).some((each) => each.key === key && each.evaluator === 'evaluator-1'),
  );
  child?.kill('SIGCONT');
  await waitFor(() => child?.lines.some((line) => line.includes('policy failed, it comes again')), {
    what: 'the stopped one to notice',
  });
  await nothingWaits(name);
  expect(witness.of(name).filter((each) => each.key === key && each.evaluator === 'evaluator-0')).toEqual([]);
  expect(witness.of(name).filter((each) => each.key === key)).toHaveLength(1);
});

const isCalled =
  (id: string) =>
  ({ lines }: TestProcess): boolean =>
    lines.some((line) => line.includes(`"evaluatorId":"${id}"`));
