import { randomUUID } from 'node:crypto';
import { admissionReview, pod, type TestProcess, waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ClusterClient } from './cluster-client.ts';
import { policy } from './manifests.ts';
import { type RunningCluster, startCluster } from './running-engine.ts';
import type { Stack } from './stack.ts';

const NAME = 'versions.inforce.example';
const PATH = `/apis/policy.jspolicy.com/v1beta1/jspolicies/${NAME}`;
const REVIEWS = 40;

let engine: RunningCluster;
let stack: Stack;
let cluster: ClusterClient;
let first: TestProcess;
let second: TestProcess;

beforeAll(async () => {
  engine = await startCluster({ namespaces: ['team'], evaluators: 2 });
  ({ stack, cluster } = engine);
  [first, second] = stack.processes.evaluator as [TestProcess, TestProcess];
  await cluster.applyPolicy(policy(NAME, 'deny("version 0")'));
});
afterAll(async () => {
  for (const each of [first, second]) each?.kill('SIGCONT');
  await engine?.stop();
});

type Line = Record<string, unknown> & { time: string | number };
const linesOf = (process: TestProcess): Line[] =>
  process.lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Line);
const nameOf = (evaluator: TestProcess) => linesOf(evaluator).find(({ evaluatorId }) => evaluatorId)?.['evaluatorId'];
const controllerLines = () => stack.processes.controller.flatMap(linesOf);
const toldSilent = (evaluator: TestProcess) =>
  controllerLines().find(({ msg, evaluator: name }) => String(msg).includes('is silent') && name === nameOf(evaluator));
const tookOver = (evaluator: TestProcess, generation: number) =>
  linesOf(evaluator).find((line) => line['msg'] === 'policy in force' && line['generation'] === generation);
/** Each time that the controller wrote Synced. */
const syncedLines = () => controllerLines().filter(({ msg, phase }) => msg === 'policy status' && phase === 'Synced');

const change = async (version: number): Promise<number> =>
  (await cluster.call('PATCH', PATH, { spec: { javascript: `deny("version ${version}")` } })).body.metadata.generation;
const isSynced = (generation: number) =>
  waitFor(
    async () => {
      const { status } = await cluster.policy(NAME);
      return status.phase === 'Synced' && status.observedGeneration === generation;
    },
    { what: `generation ${generation} to be Synced` },
  );
const review = async (): Promise<string | undefined> => {
  const body = admissionReview({ object: pod({ name: 'p', namespace: 'team' }), uid: randomUUID() });
  return (await stack.webhook.judge(NAME, body)).status?.message;
};
const reviews = async () => [...new Set(await Promise.all(Array.from({ length: REVIEWS }, review)))];

test('a policy is Synced when the evaluator that stood still has it in force, or is not waited for any more', async () => {
  const before = await waitFor(() => syncedLines().length, { what: 'the first version to be told as Synced' });
  second.kill('SIGSTOP');
  const generation = await change(1);
  await waitFor(() => tookOver(first, generation), { what: 'the other one to have it in force' });
  second.kill('SIGCONT');
  await isSynced(generation);
  const taken = await waitFor(() => tookOver(second, generation), { what: 'the new version to be in force' });
  // Lines come after what they tell of.
  const synced = await waitFor(() => syncedLines()[before], { what: 'the new version to be told as Synced' });
  // A machine may have stood still for long itself.
  const from = toldSilent(second) ?? taken;
  expect(new Date(from.time).getTime()).toBeLessThanOrEqual(new Date(synced.time).getTime());
  expect(await reviews()).toEqual(['version 1']);
});

test('who stood still for long is not waited for, and decides by the new version alone when it goes on', async () => {
  second.kill('SIGSTOP');
  const generation = await change(2);
  await isSynced(generation);
  expect(toldSilent(second)).toBeDefined();
  second.kill('SIGCONT');
  expect(await reviews()).toEqual(['version 2']);
  await waitFor(() => tookOver(second, generation), { what: 'the new version to be in force' });
  expect(await reviews()).toEqual(['version 2']);
});

test('an evaluator that is asked to end keeps no policy', async () => {
  const third = await stack.start('evaluator');
  const before = await change(3);
  await isSynced(before);
  expect(tookOver(third, before)).toBeDefined();
  await third.stop();
  await isSynced(await change(4));
  expect(toldSilent(third)).toBeUndefined();
});

test('one that is killed keeps it until it was silent for long', async () => {
  const third = await stack.start('evaluator');
  await isSynced(await change(5));
  third.kill('SIGKILL');
  await third.exited;
  await isSynced(await change(6));
  expect(toldSilent(third)).toBeDefined();
  expect(await reviews()).toEqual(['version 6']);
});
