import type { KubeObject } from '@jspolicy/contracts';
import { type TestProcess, waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ClusterClient } from './cluster-client.ts';
import { policy } from './manifests.ts';
import { type RunningCluster, startCluster } from './running-engine.ts';
import type { Stack } from './stack.ts';
import type { WorkWitness } from './work-witness.ts';

const OBJECTS = 1_000;
const MAPS = '/api/v1/namespaces/many/configmaps';
/** Requests of the test at once. */
const PARALLEL = 20;

let engine: RunningCluster;
let witness: WorkWitness;
let stack: Stack;
let cluster: ClusterClient;

beforeAll(async () => {
  engine = await startCluster({ namespaces: ['many'], evaluators: 2 });
  ({ stack, cluster, witness } = engine);
  await stack.start('controller');
});
afterAll(() => engine?.stop());

async function forEachObject(act: (name: string) => Promise<{ status: number }>): Promise<void> {
  const names = Array.from({ length: OBJECTS }, (_, index) => `object-${index}`);
  const worker = async () => {
    for (let name = names.pop(); name !== undefined; name = names.pop())
      expect((await act(name)).status).toBeLessThan(300);
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
}

const createAll = () =>
  forEachObject((name) =>
    cluster.call('POST', MAPS, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels: { mine: '' } } }),
  );
const changeAll = (to: string) => forEachObject((name) => cluster.call('PATCH', `${MAPS}/${name}`, { data: { to } }));

/** The one that leads by now. */
const leader = (): Promise<TestProcess> =>
  waitFor(() => stack.processes.controller.find((each) => !each.exit && leads(each)), {
    what: 'a controller to lead',
  });
async function kill(child: TestProcess | undefined): Promise<void> {
  child?.kill('SIGKILL');
  await child?.exited;
}
const leads = ({ lines }: TestProcess) => lines.some((line) => line.includes('"msg":"leading"'));

/** Processes stand in the order in which they were ready, so their names are read from what they say. */
async function killEvaluator(id: string): Promise<void> {
  const child = stack.processes.evaluator.find(({ lines }) =>
    lines.some((line) => line.includes(`"evaluatorId":"${id}"`)),
  );
  if (!child) throw new Error(`${id} does not run`);
  await kill(child);
  witness.died(id);
}

/** Objects whose state of this moment the policy did not see to its end. */
async function unseen(name: string): Promise<string[]> {
  const { items } = (await cluster.call('GET', `${MAPS}?labelSelector=mine`)).body;
  const seen = new Set(witness.of(name).map(({ key, version }) => `${key} ${version}`));
  return items
    .map(({ metadata }: KubeObject) => `${metadata.namespace}/${metadata.name} ${metadata.resourceVersion}`)
    .filter((each: string) => !seen.has(each));
}

test('1,000 objects, the leader killed twice, an evaluator once: each is seen in its last state, never by two at once', async () => {
  const name = 'many.faults.example';
  await createAll();
  const spec = {
    type: 'Controller' as const,
    resources: ['configmaps'],
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'many' } },
    objectSelector: { matchLabels: { mine: '' } },
  };
  const created = await cluster.call(
    'POST',
    '/apis/policy.jspolicy.com/v1beta1/jspolicies',
    policy(name, witness.code(name), spec),
  );
  expect(created.status).toBe(201);
  await witness.until('the first objects', () => witness.of(name, 'begin').length >= 5);
  await kill(await leader());
  await Promise.all([changeAll('one'), stack.start('controller')]);
  const second = await leader();
  const atTakeover = witness.of(name).length;
  await witness.until('the next leader to list', () => witness.of(name).length >= atTakeover + 50);
  await Promise.all([killEvaluator('evaluator-0'), kill(second)]);
  await changeAll('two');
  await waitFor(async () => (await unseen(name)).length === 0, {
    what: 'every object to be seen in its last state',
  });
  await waitFor(async () => (await stack.bus.work.waiting(name)) === 0, {
    what: 'nothing to wait',
  });
  const failed = stack.processes.evaluator.flatMap(({ lines }) => lines.filter((line) => line.includes('comes again')));
  expect({ overlaps: witness.overlaps, failed }).toEqual({ overlaps: [], failed: [] });
  // Each of three leaders lists everything once, and the changes that it sees come on top.
  const total = witness.of(name).length;
  expect(total).toBeLessThanOrEqual(5 * OBJECTS);
});

test('an evaluator that dies in the middle of a piece of work: it is done again by another', async () => {
  const name = 'dies.faults.example';
  const code = 'if (env("EVALUATOR_ID") === "evaluator-1") for (let i = 0; i < 28; i++) sleep(1000);';
  await cluster.createNamespace('few');
  await stack.start('evaluator');
  const spec = {
    type: 'Controller' as const,
    resources: ['secrets'],
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'few' } },
    timeoutSeconds: 30,
  };
  await cluster.applyPolicy(policy(name, witness.code(name, code), spec));
  const begun = () => witness.of(name, 'begin').filter(({ evaluator }) => evaluator === 'evaluator-1');
  for (let index = 0; begun().length === 0; index++) {
    await cluster.call('POST', '/api/v1/namespaces/few/secrets', {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: `secret-${index}` },
    });
    await witness.until('the object to be begun', () =>
      witness.of(name, 'begin').some(({ key }) => key === `few/secret-${index}`),
    );
  }
  const key = begun()[0]?.key;
  await killEvaluator('evaluator-1');
  await witness.until('the object to be done by the other', () =>
    witness.of(name).some((each) => each.key === key && each.evaluator === 'evaluator-2'),
  );
  expect(witness.overlaps).toEqual([]);
});
