import { randomUUID } from 'node:crypto';
import { type Bus, connectBus } from '@jspolicy/bus';
import {
  BUS_SERVICES,
  type Bundle,
  type BusService,
  COMPILE_SUBJECT,
  evaluateSubject,
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

beforeAll(async () => {
  engine = await startCluster({ namespaces: ['team'], permissions: true, evaluators: 1 });
  ({ stack, cluster, witness } = engine);
  for (const service of BUS_SERVICES) buses.set(service, await connectAs(service));
});
afterAll(async () => {
  for (const bus of buses.values()) await bus.close();
  await engine?.stop();
});

const connectAs = (service: BusService): Promise<Bus> =>
  connectBus({
    servers: stack.nats.url,
    security: { natsUser: service, natsPassword: service },
    name: 'other',
    service,
    log: createLogger({ service: 'test', level: 'silent' }),
  });

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

const record = { schema: 1, name: 'forged.example.com' } as PolicyRecord;
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

test.each<[string, () => Promise<unknown>]>([
  ['gateway: write a policy', () => as('gateway').policies.put(record)],
  ['gateway: read policies', () => as('gateway').policies.names()],
  ['gateway: have something compiled', () => as('gateway').request(COMPILE_SUBJECT, body, asked)],
  ['gateway: report a violation', () => as('gateway').publish(violationSubject('a.b.c'), body, published())],
  ['evaluator: write a policy', () => as('evaluator').policies.put(record)],
  ['evaluator: store a bundle', () => as('evaluator').bundles.put(bundle)],
  ['evaluator: ask for a verdict', () => as('evaluator').request(evaluateSubject('a.b.c'), body, asked)],
  ['compiler: read policies', () => as('compiler').policies.names()],
  ['compiler: write a policy', () => as('compiler').policies.put(record)],
  ['compiler: report a violation', () => as('compiler').publish(violationSubject('a.b.c'), body, published())],
  ['controller: ask for a verdict', () => as('controller').request(evaluateSubject('a.b.c'), body, asked)],
  ['controller: report a violation', () => as('controller').publish(violationSubject('a.b.c'), body, published())],
  ['controller: keep the record shorter', () => as('controller').ensureTopology({ maxAgeMs: 200_000, maxBytes: 2000 })],
  ['audit: write a policy', () => as('audit').policies.put(record)],
  ['audit: report a violation', () => as('audit').publish(violationSubject('a.b.c'), body, published())],
  ['audit: have something compiled', () => as('audit').request(COMPILE_SUBJECT, body, asked)],
])('it is not for the %s', async (_what, act) => {
  const before = await stack.bus.streamIdentity(VIOLATIONS_STREAM);
  await expect(act()).rejects.toThrow();
  expect(await stack.bus.policies.get('forged.example.com')).toBeUndefined();
  expect(await stack.bus.streamIdentity(VIOLATIONS_STREAM)).toBe(before);
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
