import { randomUUID } from 'node:crypto';
import { type JsPolicyViolations, VIOLATIONS_STREAM, type ViolationEvent } from '@jspolicy/contracts';
import { openDirectory } from '@jspolicy/kube';
import { createLogger } from '@jspolicy/runtime';
import { admissionReview, pod, type TempDir, tempDir, violationEventProblems, waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Gate } from './gate.ts';
import { policy, writeManifests } from './manifests.ts';
import { type Stack, startStack } from './stack.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const QUICK = 'quick.ledger.example';
const SLOW = 'slow.ledger.example';
const EMITTED = 'emitted ';
const AWAY_MS = 15_000;

let dir: TempDir;
/** What the slow policy waits for. */
let gate: Gate;
let stack: Stack;
/** Everything that the stream holds, as it comes. */
const held: ViolationEvent[] = [];
const askedUids = new Set<string>();
const answeredUids = new Set<string>();
const unansweredUids = new Set<string>();
let replay: { stop(): Promise<void> };

/** What a policy emits stands in its evaluator's log as well, unless that is killed in this moment. */
const denying = (before: string) => `${before}; print("${EMITTED}" + request.uid); deny("no " + request.uid)`;

beforeAll(async () => {
  [dir, gate] = await Promise.all([tempDir(), Gate.start()]);
  await writeManifests(dir.path, [policy(QUICK, denying('')), policy(SLOW, denying(gate.code))]);
  const env = { VIOLATION_LABELS: 'team', CLUSTER_NAME: 'ledger', ...gate.env };
  stack = await startStack({ cluster: { manifests: dir.path }, evaluators: 1, env: { evaluator: env } });
  replay = stack.bus.replay({
    stream: VIOLATIONS_STREAM,
    handler: ({ body }) => held.push(JSON.parse(new TextDecoder().decode(body)) as ViolationEvent),
    onCaughtUp: () => undefined,
  });
  for (const name of [QUICK, SLOW])
    await waitFor(async () => (await ask(name, randomUUID())) === 'denied', { what: `${name} to be served` });
});
afterAll(async () => {
  await replay?.stop();
  await stack?.stop();
  await gate?.stop();
  await dir?.remove();
});

/** What became of a request. */
async function ask(name: string, uid: string, timeout = '30s'): Promise<'denied' | 'unanswered'> {
  const labels = { team: 'shop', note: 'private' };
  const review = admissionReview({ object: pod({ name: `pod-${uid}`, namespace: 'shop', labels }), uid });
  askedUids.add(uid);
  const { status } = await stack.webhook.review(name, review, { timeout });
  (status === 200 ? answeredUids : unansweredUids).add(uid);
  return status === 200 ? 'denied' : 'unanswered';
}

/** So many requests, and which of them were answered. */
async function askMany(name: string, count: number) {
  const uids = Array.from({ length: count }, () => randomUUID());
  const ends = await Promise.all(uids.map((uid) => ask(name, uid)));
  return { uids, answered: uids.filter((_, index) => ends[index] === 'denied') };
}

const uidsIn = (name: string): string[] =>
  held.filter(({ data }) => data.policy === name).map(({ data }) => data.request.uid ?? '');
const emittedUids = (): string[] =>
  stack.processes.evaluator
    .flatMap(({ lines }) => lines)
    .flatMap((line) => new RegExp(`${EMITTED}([-0-9a-f]{36})`).exec(line)?.[1] ?? []);
const untilHeld = (name: string, uids: string[]) =>
  waitFor(() => uids.every((uid) => uidsIn(name).includes(uid)), { what: 'all in the stream' });

const toldUids = (): Set<string> => new Set([...answeredUids, ...emittedUids()]);

/** Each violation once; all that was answered or emitted, and nothing that was not asked. */
async function expectLedgersEqual(): Promise<void> {
  // What the stream did not take at once comes from the disk, and lines of a log come after the answers.
  const isHeld = (uid: string) => held.some(({ data }) => data.request.uid === uid);
  await waitFor(() => [...toldUids()].every(isHeld), { what: 'all that was told to be in the stream' });
  const ids = held.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  const inStream = new Set(held.map(({ data }) => data.request.uid ?? ''));
  expect([...inStream].filter((uid) => !askedUids.has(uid))).toEqual([]);
  // A log line may be lost with its process; what was neither answered nor logged was judged all the same.
  const told = toldUids();
  const silent = [...inStream].filter((uid) => !told.has(uid));
  expect(silent.filter((uid) => !unansweredUids.has(uid))).toEqual([]);
}

/** What the status of a policy's violations counts. */
async function totalOf(name: string): Promise<number> {
  const { manifests, state } = { manifests: dir.path, state: stack.stateDir };
  const directory = await openDirectory({ manifests, state, log, onProblem: () => undefined });
  const type = await directory.resolve('policy.jspolicy.com/v1beta1', 'JsPolicyViolations');
  const object = (await directory.get(type, name)) as JsPolicyViolations | undefined;
  await directory.close();
  return object?.status?.totals?.violations ?? 0;
}

test('what evaluators emit is as the schema says, and tells of the object what was asked for', async () => {
  const { answered } = await askMany(QUICK, 1);
  await untilHeld(QUICK, answered);
  const told = held.find(({ data }) => data.request.uid === answered[0]);
  expect(told).toMatchObject({
    id: `${answered[0]}.${QUICK}.1`,
    source: '/clusters/ledger',
    subject: `v1/Pod/shop/pod-${answered[0]}`,
    data: {
      message: `no ${answered[0]}`,
      user: { username: 'admin', groups: ['system:masters', 'system:authenticated'] },
      object: { kind: 'Pod', labels: { team: 'shop' } },
      bundleDigest: expect.stringMatching(/^[0-9a-f]{64}$/),
      gateway: expect.any(String),
      evaluator: 'evaluator-0',
      evaluationMs: expect.any(Number),
    },
  });
  expect(violationEventProblems(told)).toEqual([]);
  expect(JSON.stringify(told)).not.toContain('private');
});

test('an evaluator is killed: every denial that was told is in the stream, once', async () => {
  const [victim] = stack.processes.evaluator;
  const second = await stack.start('evaluator');
  const { answered: early } = await askMany(SLOW, 10);
  gate.close();
  const asked = askMany(SLOW, 40);
  await waitFor(async () => victim && (await stack.inFlight(victim)) > 0, { what: 'requests in flight' });
  victim?.kill('SIGKILL');
  gate.open();
  const successor = await stack.start('evaluator', stack.firstEvaluator);
  const { answered, uids } = await asked;
  expect(answered).toEqual(uids);
  await untilHeld(SLOW, [...early, ...answered]);
  await expectLedgersEqual();
  await second.stop();
  expect(successor.exit).toBeUndefined();
});

test('NATS is away for 15 s: what was emitted meanwhile waits on the disk, also when its evaluator is killed', async () => {
  const before = emittedUids().length;
  // Some are judged after NATS went, and cannot be answered.
  gate.close();
  const asked = askMany(SLOW, 6);
  const evaluator = stack.processes.evaluator.find(({ exit }) => !exit);
  await waitFor(async () => evaluator && (await stack.inFlight(evaluator)) === 6, { what: 'requests in flight' });
  stack.nats.kill('SIGKILL');
  const awayAtMs = performance.now();
  gate.open();
  await waitFor(() => emittedUids().length > before, { what: 'a violation without NATS' });
  const spooled = async () => {
    const text = evaluator ? await stack.metrics(evaluator) : '';
    return Number(/^jspolicy_violations_spooled_total (\d+)$/m.exec(text)?.[1]) >= emittedUids().length - before;
  };
  await waitFor(() => performance.now() - awayAtMs >= AWAY_MS, { what: 'the time to pass' });
  await waitFor(spooled, { what: 'all to be on the disk' });
  const emitted = emittedUids();
  evaluator?.kill('SIGKILL');
  await evaluator?.exited;
  await stack.nats.restart();
  await stack.start('evaluator', stack.firstEvaluator);
  const { answered } = await asked;
  await untilHeld(SLOW, [...answered, ...emitted.slice(before)]);
  await askMany(QUICK, 1);
  await expectLedgersEqual();
});

test('audit is killed while violations come: the totals are what was emitted', async () => {
  const before = uidsIn(QUICK).length;
  const [audit] = stack.processes.audit;
  const first = askMany(QUICK, 60);
  await waitFor(() => uidsIn(QUICK).length > before, { what: 'violations' });
  audit?.kill('SIGKILL');
  await audit?.exited;
  const more = await askMany(QUICK, 60);
  await stack.start('audit');
  for (const { answered, uids } of [await first, more]) expect(answered).toEqual(uids);
  await untilHeld(QUICK, more.answered);
  await expectLedgersEqual();
  const emitted = new Set(uidsIn(QUICK)).size;
  await waitFor(async () => (await totalOf(QUICK)) === emitted, { what: `${emitted} in the status` });
});
