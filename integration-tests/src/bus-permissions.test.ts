import { randomUUID } from 'node:crypto';
import { type Bus, connectBus } from '@jspolicy/bus';
import {
  BUS_SERVICES,
  type Bundle,
  type BusService,
  COMPILE_SUBJECT,
  evaluateSubject,
  inboxPrefix,
  type PolicyRecord,
  VIOLATIONS_STREAM,
  violationSubject,
} from '@jspolicy/contracts';
import { createLogger } from '@jspolicy/runtime';
import { admissionReview, pod, waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ClusterClient } from './cluster-client.ts';
import { policy } from './manifests.ts';
import { type RunningCluster, startCluster } from './running-engine.ts';
import type { Stack } from './stack.ts';
import type { WorkWitness } from './work-witness.ts';

const DENIES = 'denies.permissions.example';
const FOLLOWS = 'follows.permissions.example';

let engine: RunningCluster;
let witness: WorkWitness;
let stack: Stack;
let cluster: ClusterClient;
const buses = new Map<BusService, Bus>();
/** What the server said to each of them by itself. */
const refused = new Map<BusService, string[]>();

beforeAll(async () => {
  engine = await startCluster({ namespaces: ['team'], permissions: true, evaluators: 1 });
  ({ stack, cluster, witness } = engine);
  for (const service of BUS_SERVICES) buses.set(service, await connectAs(service));
});
afterAll(async () => {
  for (const bus of buses.values()) await bus.close();
  await engine?.stop();
});

function connectAs(service: BusService): Promise<Bus> {
  const said: string[] = [];
  refused.set(service, said);
  const error = ({ err }: { err: Error }) => said.push(err.message);
  const log = Object.assign(createLogger({ service: 'test', level: 'silent' }), { error });
  const security = { natsUser: service, natsPassword: service };
  return connectBus({ servers: stack.nats.url, security, name: 'other', service, log });
}

/** The subjects that the server did not let it publish to or listen to. */
const refusedOf = (service: BusService): string[] =>
  (refused.get(service) ?? []).flatMap(
    (text) => /Permissions Violation for \w+ (?:to|using) "([^"]*)"/i.exec(text)?.[1] ?? [],
  );

const refusals = () =>
  Object.values(stack.processes)
    .flat()
    .flatMap(({ lines }) => lines.filter((line) => /permissions? violation/i.test(line)));

test('the engine does all of its work with the permissions of its services', async () => {
  await cluster.applyPolicy(policy(DENIES, 'deny("no")', { operations: ['CREATE'], resources: ['pods'] }));
  const review = admissionReview({ object: pod({ name: 'p', namespace: 'team' }), uid: randomUUID() });
  await waitFor(async () => (await stack.webhook.review(DENIES, review)).status === 200, { what: 'a verdict' });
  expect((await stack.webhook.judge(DENIES, review)).status?.message).toBe('no');
  const violations = `/apis/policy.jspolicy.com/v1beta1/jspolicyviolations/${DENIES}`;
  await waitFor(async () => (await cluster.call('GET', violations)).status === 200, { what: 'the violations' });
  const follows = { type: 'Controller', operations: ['CREATE'], resources: ['configmaps'], apiGroups: [''] } as const;
  await cluster.applyPolicy(policy(FOLLOWS, witness.code(FOLLOWS), { ...follows, operations: ['CREATE'] } as never));
  const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'seen' } };
  await cluster.call('POST', '/api/v1/namespaces/team/configmaps', body);
  await witness.until('the object to be seen', () => witness.of(FOLLOWS).some(({ key }) => key === 'team/seen'));
  await cluster.call('DELETE', `/apis/policy.jspolicy.com/v1beta1/jspolicies/${DENIES}`);
  await waitFor(async () => (await stack.bus.policies.names()).length === 1, { what: 'the record to be gone' });
  expect(refusals().map((line) => /Permissions Violation[^\\]*\\"[^"]*"/i.exec(line)?.[0])).toEqual([]);
});

const forged = 'forged.example.com';
const record = { schema: 1, name: forged } as PolicyRecord;
const as = (service: BusService): Bus => buses.get(service) as Bus;
const asked = { deadlineMs: 500 };
const body = new Uint8Array();
const bundle: Bundle = {
  digest: '0'.repeat(64),
  isolation: 'request',
  isolationReason: '',
  preludeLength: 0,
  entry: 'script',
  script: '',
} as never;
const published = () => ({ id: randomUUID(), timeoutMs: 500 });

const onRecord = { stream: VIOLATIONS_STREAM, durable: 'violations', batch: 1, handler: () => Promise.resolve() };

test.each<[BusService, what: string, subject: RegExp, () => Promise<unknown>]>([
  ['gateway', 'write a policy', /./, () => as('gateway').policies.put(record)],
  ['gateway', 'read policies', /./, () => as('gateway').policies.names()],
  ['gateway', 'have something compiled', /compile/, () => as('gateway').request(COMPILE_SUBJECT, body, asked)],
  [
    'gateway',
    'report a violation',
    /violations/,
    () => as('gateway').publish(violationSubject('a.b'), body, published()),
  ],
  ['evaluator', 'write a policy', /KV.JSPOLICY_POLICIES/, () => as('evaluator').policies.put(record)],
  ['evaluator', 'store a bundle', /JSPOLICY_BUNDLES/, () => as('evaluator').bundles.put(bundle)],
  ['evaluator', 'ask for a verdict', /evaluate/, () => as('evaluator').request(evaluateSubject('a.b'), body, asked)],
  ['evaluator', 'take violations', /CONSUMER/, () => as('evaluator').consume(onRecord)],
  ['compiler', 'read policies', /./, () => as('compiler').policies.names()],
  ['compiler', 'write a policy', /./, () => as('compiler').policies.put(record)],
  [
    'compiler',
    'report a violation',
    /violations/,
    () => as('compiler').publish(violationSubject('a.b'), body, published()),
  ],
  ['controller', 'ask for a verdict', /evaluate/, () => as('controller').request(evaluateSubject('a.b'), body, asked)],
  [
    'controller',
    'report a violation',
    /violations/,
    () => as('controller').publish(violationSubject('a.b'), body, published()),
  ],
  [
    'controller',
    'keep the record shorter',
    /STREAM.UPDATE/,
    () => as('controller').ensureTopology({ maxAgeMs: 200_000, maxBytes: 2000 }),
  ],
  ['audit', 'write a policy', /KV.JSPOLICY_POLICIES/, () => as('audit').policies.put(record)],
  ['audit', 'report a violation', /violations/, () => as('audit').publish(violationSubject('a.b'), body, published())],
  ['audit', 'have something compiled', /compile/, () => as('audit').request(COMPILE_SUBJECT, body, asked)],
  ['cli', 'read policies', /./, () => as('cli').policies.names()],
  ['cli', 'write a policy', /./, () => as('cli').policies.put(record)],
  ['cli', 'ask for a verdict', /evaluate/, () => as('cli').request(evaluateSubject('a.b'), body, asked)],
  ['cli', 'report a violation', /violations/, () => as('cli').publish(violationSubject('a.b'), body, published())],
  ['cli', 'take violations from others', /CONSUMER/, () => as('cli').consume(onRecord)],
  [
    'cli',
    'remove who takes violations',
    /CONSUMER.DELETE/,
    () => as('cli').deliveries.remove(VIOLATIONS_STREAM, 'violations'),
  ],
])('it is not for the %s to %s', async (service, what, subject, act) => {
  const before = await stack.bus.streamIdentity(VIOLATIONS_STREAM);
  const count = refusedOf(service).length;
  await expect(act()).rejects.toThrow();
  await waitFor(() => refusedOf(service).length > count, { what: `a refusal to ${what}` });
  for (const each of refusedOf(service).slice(count)) expect(each).toMatch(subject);
  expect(await stack.bus.policies.get(forged)).toBeUndefined();
  expect(await stack.bus.streamIdentity(VIOLATIONS_STREAM)).toBe(before);
});

test.each<[BusService, string]>([
  ['cli', '>'],
  ['evaluator', `${inboxPrefix('gateway')}.>`],
])('the %s cannot listen to %s', async (service, subject) => {
  const count = refusedOf(service).length;
  const listening = as(service).serve(subject, 'all', () => Promise.resolve({ status: 200, body, headers: {} }));
  await waitFor(() => refusedOf(service).length > count, { what: 'a refusal' });
  expect(new Set(refusedOf(service).slice(count))).toEqual(new Set([subject]));
  await listening.stop();
});

test('who is no evaluator is never asked for a verdict', async () => {
  let heard = 0;
  const handler = () => {
    heard += 1;
    return Promise.resolve({ status: 200, body: new TextEncoder().encode('forged'), headers: {} });
  };
  const serving = (['gateway', 'compiler', 'audit'] as const).map((service) =>
    as(service).serve('jspolicy.v1.evaluate.*', 'evaluators', handler),
  );
  const review = admissionReview({ object: pod({ name: 'p', namespace: 'team' }), uid: randomUUID() });
  for (let i = 0; i < 20; i++) await stack.webhook.review(FOLLOWS, review, { timeout: '2s' });
  expect(heard).toBe(0);
  await Promise.all(serving.map((each) => each.stop()));
});
