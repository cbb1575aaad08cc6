import { type Bus, type BusReply, connectBus } from '@jspolicy/bus';
import {
  type Bundle,
  bundleDigest,
  evaluateSubject,
  HEADER,
  type PolicyRecord,
  VIOLATIONS_STREAM,
  type ViolationEvent,
} from '@jspolicy/contracts';
import type { Verdict } from '@jspolicy/policy';
import { createLogger, createMetrics } from '@jspolicy/runtime';
import type { EvaluationResult, Sandbox } from '@jspolicy/sandbox';
import {
  admissionReview,
  natsForTest,
  pod,
  type TempDir,
  type TestNats,
  tempDir,
  violationEventProblems,
  waitFor,
} from '@jspolicy/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { evaluatorMetrics } from './evaluator-metrics.ts';
import { PolicyLookup } from './policy-lookup.ts';
import { PolicyTable } from './policy-table.ts';
import { ReviewEvaluator } from './review-evaluator.ts';
import { readReviewInfo } from './review-info.ts';
import { Spool } from './spool.ts';
import { ViolationRecorder } from './violation-recorder.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const policy = 'p.example.com';
const web = pod({ name: 'web', namespace: 'shop' });
const metadata = { ...web.metadata, uid: 'o-1', labels: { team: 'shop', note: 'private' } };
const body = new TextEncoder().encode(JSON.stringify(admissionReview({ object: { ...web, metadata }, uid: 'u-1' })));
const script = 'allow()';
const described = {
  isolation: 'kept' as const,
  isolationReason: '',
  preludeLength: 0,
  form: 'script' as const,
  hostCalls: [],
  script,
};
const digest = bundleDigest(described);
const bundle: Bundle = { ...described, digest };
const record: PolicyRecord = {
  schema: 1,
  name: policy,
  uid: 'policy-uid',
  generation: 1,
  type: 'Validating',
  failurePolicy: 'Fail',
  violationPolicy: 'Deny',
  auditPolicy: 'Log',
  auditLogSize: 10,
  timeoutSeconds: 10,
  bundle,
};

let nats: TestNats;
let bus: Bus;
let dir: TempDir;
let recorder: ViolationRecorder;
const metrics = createMetrics();
const counted = evaluatorMetrics(metrics);

beforeAll(async () => {
  nats = await natsForTest();
  dir = await tempDir();
  bus = await connectBus({ servers: nats.url, name: 'test', log });
  await bus.ensureTopology();
  recorder = new ViolationRecorder({ bus, spool: await Spool.open(dir.path, 1e6), log, metrics: counted });
});
afterAll(async () => {
  await recorder.stop();
  await bus.close();
  await nats.stop();
  await dir.remove();
});

/** Gives the results that a test wants; what makes them is tested with the sandbox. */
const sandboxGiving = (result: () => Promise<EvaluationResult>): Sandbox => ({
  load: async () => undefined,
  unload: () => undefined,
  evaluate: result,
  stop: async () => undefined,
});

async function evaluatorGiving(result: () => Promise<EvaluationResult>, given: PolicyRecord = record) {
  const sandbox = sandboxGiving(result);
  const table = new PolicyTable({ bus, sandbox, log });
  await bus.bundles.put(bundle);
  await table.put(given);
  const lookup = new PolicyLookup(table, bus);
  const hostFunctions = () => ({ call: async () => undefined, print: () => undefined });
  const parts = { evaluatorId: 'e', maxInFlight: 1, lookup, sandbox, recorder, hostFunctions, metrics: counted, log };
  return new ReviewEvaluator({ ...parts, cluster: 'c', violationLabels: ['team'] });
}

const request = { subject: evaluateSubject(policy), body, deadlineMs: 120_000, headers: { [HEADER.gateway]: 'g' } };
const textOf = (reply: BusReply) => new TextDecoder().decode(reply.body);
const verdict = (fields: Partial<Verdict>) => async (): Promise<EvaluationResult> => ({
  kind: 'verdict',
  verdict: { deny: false, warnings: [], ...fields },
  review: readReviewInfo(body),
});
const timedOut = async (): Promise<EvaluationResult> => ({
  kind: 'failed',
  failure: { cause: 'timeout', message: `script ${policy} timed out` },
});
const answer = (rest: string) =>
  `{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","response":{"uid":"u-1",${rest}}}\n`;

test('a denial: the answer, and the violation in the stream before it', async () => {
  const events: ViolationEvent[] = [];
  const evaluator = await evaluatorGiving(verdict({ deny: true, message: 'no', warnings: ['w'] }));
  const reply = await evaluator.handle(request);
  expect(reply.status).toBe(200);
  expect(textOf(reply)).toBe(
    answer(
      '"allowed":false,"status":{"metadata":{},"message":"no","reason":"Forbidden","code":403},"warnings":["[p.example.com]: w"]',
    ),
  );
  const handler = async (messages: { body: Uint8Array }[]) => {
    for (const message of messages) events.push(JSON.parse(new TextDecoder().decode(message.body)) as ViolationEvent);
  };
  const running = await bus.consume({ stream: VIOLATIONS_STREAM, durable: 'test', batch: 10, handler });
  await waitFor(() => events.length > 0, { what: 'the violation' });
  await running.stop();
  const told = { action: 'Deny', code: 403, message: 'no', evaluator: 'e', gateway: 'g' };
  const object = { name: 'web', uid: 'o-1', labels: { team: 'shop' } };
  expect(events).toMatchObject([{ id: `u-1.${policy}.1`, source: '/clusters/c', data: { ...told, object } }]);
  expect(events.flatMap(violationEventProblems)).toEqual([]);
  expect(JSON.stringify(events)).not.toContain('private');
});

test('an allowed request', async () => {
  const evaluator = await evaluatorGiving(verdict({}));
  expect(textOf(await evaluator.handle(request))).toBe(answer('"allowed":true,"status":{"metadata":{},"code":200}'));
  expect(await metrics.registry.metrics()).toContain(
    `policy_execution_total{type="Validating",name="${policy}",code="200"} 1`,
  );
});

test('metrics have the labels and codes that dashboards of jsPolicy read', async () => {
  const named = (name: string, fields: Partial<PolicyRecord> = {}) => ({ ...record, name, ...fields });
  const deny = verdict({ deny: true, code: 418 });
  const judged: [PolicyRecord, () => Promise<EvaluationResult>][] = [
    [named('allowed.example.com', { type: 'Mutating' }), verdict({ patch: [{ op: 'remove', path: '/x' }] })],
    [named('warns.example.com', { violationPolicy: 'Warn' }), deny],
    [named('is-dry.example.com', { violationPolicy: 'Dry', auditPolicy: 'Skip' }), deny],
    [named('failed.example.com', { violationPolicy: 'Warn' }), timedOut],
    [named('ignored.example.com', { failurePolicy: 'Ignore' }), timedOut],
  ];
  for (const [given, result] of judged) {
    const evaluator = await evaluatorGiving(result, given);
    await evaluator.handle({ ...request, subject: evaluateSubject(given.name) });
  }
  const { bundle: _, ...rest } = named('no-bundle.example.com');
  const none = await evaluatorGiving(verdict({}), { ...rest, bundleError: 'missing' });
  await none.handle({ ...request, subject: evaluateSubject(rest.name) });
  const told = await metrics.registry.metrics();
  for (const [type, name, code] of [
    ['Mutating', 'allowed', 200],
    ['Validating', 'warns', 418],
    ['Validating', 'is-dry', 418],
    ['Validating', 'failed', 500],
    ['Validating', 'ignored', 500],
    ['Validating', 'no-bundle', 500],
  ]) {
    expect(told).toContain(`policy_execution_total{type="${type}",name="${name}.example.com",code="${code}"} 1`);
  }
  expect(told).toContain('policy_execution_duration_seconds_count{type="Mutating",name="allowed.example.com"} 1');
  expect(told).toContain(
    'policy_execution_duration_seconds_bucket{le="0.35",type="Mutating",name="allowed.example.com"}',
  );
  expect(told).not.toContain('policy_execution_duration_seconds_count{type="Validating",name="no-bundle.example.com"}');
});

test('a policy that failed, and a process that died before it told of the review', async () => {
  const failed = await evaluatorGiving(timedOut);
  const message = `"message":"script ${policy} timed out","code":500`;
  expect(textOf(await failed.handle(request))).toBe(answer(`"allowed":false,"status":{"metadata":{},${message}}`));
  const ignored = await (await evaluatorGiving(timedOut, { ...record, failurePolicy: 'Ignore' })).handle(request);
  expect(ignored.status).toBe(500);
  expect(JSON.parse(textOf(ignored))).toMatchObject({
    kind: 'Status',
    message: `script ${policy} timed out`,
    code: 500,
  });
});

test.each([
  ['missing', `couldn't find javascript bundle for js policy ${policy}`],
  ['undecodable', `error decompressing javascript bundle for js policy ${policy}`],
] as const)('no bundle: %s', async (bundleError, text) => {
  const { bundle: _, ...rest } = record;
  const evaluator = await evaluatorGiving(verdict({}), { ...rest, bundleError });
  const status = `"status":{"metadata":{},"message":"${text}","code":500}`;
  expect(textOf(await evaluator.handle(request))).toBe(answer(`"allowed":false,${status}`));
});

test.each([
  ['malformed', { kind: 'malformed', message: 'not JSON' }, 'MALFORMED_REVIEW'],
  ['refused', { kind: 'refused', message: 'no sandbox was free' }, 'OVERLOADED'],
] as const)('%s', async (_what, result, code) => {
  const evaluator = await evaluatorGiving(async () => result);
  await expect(evaluator.handle(request)).rejects.toMatchObject({ code, message: result.message });
});

test('an unknown policy, and a deadline that has passed', async () => {
  const evaluator = await evaluatorGiving(verdict({}));
  const unknown = { ...request, subject: evaluateSubject('none.example.com') };
  await expect(evaluator.handle(unknown)).rejects.toMatchObject({ code: 'UNKNOWN_POLICY' });
  await expect(evaluator.handle({ ...request, deadlineMs: 0 })).rejects.toMatchObject({ code: 'DEADLINE_PASSED' });
});

test('beyond the bound a request is refused at once, and taken again when there is room', async () => {
  let finish = (): void => undefined;
  const waiting = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const evaluator = await evaluatorGiving(async () => {
    await waiting;
    return verdict({})();
  });
  const first = evaluator.handle(request);
  await expect(evaluator.handle(request)).rejects.toMatchObject({ code: 'OVERLOADED' });
  finish();
  expect((await first).status).toBe(200);
  expect((await evaluator.handle(request)).status).toBe(200);
});
