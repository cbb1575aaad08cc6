import { type Bus, type BusReply, connectBus, type RequestHandler, type Running } from '@jspolicy/bus';
import {
  type Bundle,
  bundleDigest,
  EVALUATORS_SUBJECT,
  type EvaluatorSign,
  IN_FORCE_INBOX,
  type InForceQuestion,
  inForceSubject,
  type PolicyRecord,
} from '@jspolicy/contracts';
import { createLogger } from '@jspolicy/runtime';
import type { Sandbox } from '@jspolicy/sandbox';
import { natsForTest, type TestNats, waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CatchingUp } from './catching-up.ts';
import { InForceAnswers } from './in-force-answers.ts';
import { onlyCurrent } from './only-current.ts';
import { PolicyTable } from './policy-table.ts';
import { Presence } from './presence.ts';
import { watchPolicies } from './watch-policies.ts';

const NAME = 'a.example.com';
const log = createLogger({ service: 'test', level: 'silent' });
let nats: TestNats;
let bus: Bus;
let watch: Running;
let answers: InForceAnswers;
let table: PolicyTable;

/** Evaluating is not this file's matter. */
const sandbox: Sandbox = {
  load: async () => undefined,
  unload: () => undefined,
  evaluate: async () => ({ kind: 'refused', message: 'evaluates nothing' }),
  stop: async () => undefined,
};

beforeAll(async () => {
  nats = await natsForTest();
  bus = await connectBus({ servers: nats.url, name: 'test', log });
  await bus.ensureTopology();
  table = new PolicyTable({ bus, sandbox, log, onChange: (policy) => answers?.changed(policy) });
  answers = new InForceAnswers({ bus, table, instance: 'one', log });
  watch = await watchPolicies(bus, table);
});
afterAll(async () => {
  table?.stop();
  await answers?.stop();
  await watch?.stop();
  await bus?.close();
  await nats?.stop();
});

function bundle(script: string): Bundle {
  const described = {
    isolation: 'kept' as const,
    isolationReason: '',
    preludeLength: 0,
    form: 'function-body' as const,
    hostCalls: [],
    script,
  };
  return { ...described, digest: bundleDigest(described) };
}

function record(generation: number, script: string, uid = 'u'): PolicyRecord {
  const defaults = { type: 'Validating', failurePolicy: 'Fail', violationPolicy: 'Deny', auditPolicy: 'Log' } as const;
  const { script: _, ...info } = bundle(script);
  return { schema: 1, name: NAME, uid, generation, ...defaults, auditLogSize: 10, timeoutSeconds: 10, bundle: info };
}

/** Instances that answered so far. */
function ask(question: Omit<InForceQuestion, 'schema'>) {
  const heard: string[] = [];
  const body = new TextEncoder().encode(JSON.stringify({ schema: 1, ...question }));
  const onAnswer = (answer: Uint8Array) => heard.push(JSON.parse(new TextDecoder().decode(answer)).instance);
  const asked = bus.calls.question(inForceSubject(NAME), body, { answersBelow: IN_FORCE_INBOX, onAnswer });
  asked.ask();
  return { heard, ask: asked.ask, stop: asked.stop };
}
const questionOf = ({ uid, generation, bundle: info }: PolicyRecord, revision: number) => ({
  uid,
  generation,
  revision,
  ...(info && { digest: info.digest }),
});
const put = async (script: string, generation: number, uid?: string) => {
  await bus.bundles.put(bundle(script));
  const made = record(generation, script, uid);
  return questionOf(made, await bus.policies.put(made));
};

test('a question is answered when the record is in force, and by a newer one of the same policy', async () => {
  const late = record(1, 'comes late');
  const revision = await bus.policies.put(late);
  const asked = ask(questionOf(late, revision));
  await waitFor(() => table.awaitsBundle(NAME), { what: 'the record to be told' });
  expect(asked.heard).toEqual([]);
  await bus.bundles.put(bundle('comes late'));
  await waitFor(() => asked.heard.length > 0, { what: 'an answer' });
  expect(asked.heard[0]).toBe('one');
  const newer = await put('newer', 2);
  const both = [ask(newer), ask(questionOf(late, revision))];
  const answered = () => {
    for (const { heard, ask: again } of both) if (heard.length === 0) again();
    return both.every(({ heard }) => heard.length > 0);
  };
  await waitFor(answered, { what: 'both to be answered' });
  for (const each of [asked, ...both]) await each.stop();
});

test('neither a policy of the same name that was there before answers, nor a bundle that is to change and change back', async () => {
  const before = await put('same', 1, 'other');
  await waitFor(() => table.stands(NAME)?.revision === before.revision, { what: 'the record in force' });
  const made = ask({ ...before, uid: 'made again' });
  const back = ask({ ...before, revision: before.revision + 1 });
  const told = ask(before);
  // Questions arrive in their order.
  await waitFor(() => told.heard.length > 0, { what: 'an answer' });
  expect([made.heard, back.heard]).toEqual([[], []]);
  for (const each of [made, back, told]) await each.stop();
});

test('whoever was cut off decides when what changed meanwhile is in force', async () => {
  const before = await put('before', 10);
  await waitFor(() => table.stands(NAME)?.revision === before.revision, { what: 'the record in force' });
  const signs: EvaluatorSign[] = [];
  const listening = bus.calls.listen(EVALUATORS_SUBJECT, ({ body }) =>
    signs.push(JSON.parse(new TextDecoder().decode(body))),
  );
  const catchingUp = new CatchingUp({ bus, table, log });
  const presence = new Presence({
    bus,
    evaluator: 'e',
    instance: 'one',
    onMissed: () => void catchingUp.begin(),
  });
  const handler: RequestHandler = async () => answerOf(table.get(NAME)?.generation);
  const judge = onlyCurrent({ presence, catchingUp, handler });
  const request = {
    subject: `jspolicy.v1.evaluate.a_example_com`,
    body: new Uint8Array(),
    deadlineMs: 60_000,
    headers: {},
  };
  const other = await connectBus({ servers: nats.url, name: 'other', log });
  await nats.restart();
  await waitFor(() => bus.timesBack > 0 && other.connected, { what: 'the connection to be back' });
  const newer = record(11, 'newer');
  await other.bundles.put(bundle('newer'));
  await other.policies.put(newer);
  expect(textOf(await judge(request))).toBe('11');
  await presence.stop();
  const last = await waitFor(() => signs.find(({ leaving }) => leaving), { what: 'its last sign' });
  expect(last).toEqual({ schema: 1, evaluator: 'e', instance: 'one', leaving: true });
  expect(signs.at(-1)).toBe(last);
  await listening.stop();
  await other.close();
});

const answerOf = (text: unknown): BusReply => ({
  status: 200,
  body: new TextEncoder().encode(String(text)),
  headers: {},
});
const textOf = ({ body }: BusReply): string => new TextDecoder().decode(body);
