import { resolve } from 'node:path';
import { type Bus, connectBus } from '@jspolicy/bus';
import { type ViolationEvent, violationSubject } from '@jspolicy/contracts';
import { connectApiServer, installCrds } from '@jspolicy/kube';
import { policyRecord } from '@jspolicy/policy';
import { createLogger } from '@jspolicy/runtime';
import {
  freePort,
  type KubeApiServer,
  kubeForTest,
  kubeRequest,
  natsForTest,
  startProcess,
  type TestNats,
  type TestProcess,
  waitFor,
} from '@jspolicy/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';

const MAIN = resolve(import.meta.dirname, '../dist/main.js');
const CRDS = resolve(import.meta.dirname, '../../../k8s/crds');
const KINDS = '/apis/policy.jspolicy.com/v1beta1';
const log = createLogger({ service: 'test', level: 'silent' });

let kube: KubeApiServer;
let nats: TestNats;
let bus: Bus;
let healthPort: number;
const started: TestProcess[] = [];

const startAudit = async (port = 0) => {
  const child = await startProcess(process.execPath, [MAIN], {
    env: { NATS_URL: nats.url, KUBECONFIG: kube.kubeconfigPath, HEALTH_PORT: String(port) },
    readyWhen: /"msg":"ready"/,
  });
  started.push(child);
  return child;
};

beforeAll(async () => {
  [kube, nats] = await Promise.all([kubeForTest(), natsForTest()]);
  bus = await connectBus({ servers: nats.url, name: 'test', log });
  const cluster = await connectApiServer({ kubeconfig: kube.kubeconfigPath, log });
  await installCrds(cluster, CRDS);
  await cluster.close();
  healthPort = await freePort();
  await startAudit(healthPort);
});
afterAll(async () => {
  await Promise.all(started.map((child) => child.stop()));
  await bus?.close();
  await nats?.stop();
  await kube?.stop();
});

const metric = async (name: string) => {
  const text = await (await fetch(`http://127.0.0.1:${healthPort}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1]);
};

/** A policy in the API server and its record, as the controller makes it. */
async function makePolicy(name: string, spec: object = {}) {
  const { body } = await kubeRequest(kube, 'POST', `${KINDS}/jspolicies`, {
    apiVersion: 'policy.jspolicy.com/v1beta1',
    kind: 'JsPolicy',
    metadata: { name },
    spec: { operations: ['CREATE'], resources: ['pods'], javascript: 'deny()', ...spec },
  });
  await bus.policies.put(policyRecord(body));
  return body;
}

const event = (policy: string, number: number): ViolationEvent => ({
  schema: 1,
  id: `${number}.${policy}`,
  policy,
  policyUid: 'uid',
  generation: 1,
  type: 'Validating',
  action: 'Deny',
  code: 403,
  reason: 'Forbidden',
  message: `violation ${number}`,
  requestInfo: { name: 'web', namespace: 'default', kind: 'Pod', apiVersion: 'v1', operation: 'CREATE' },
  user: { username: 'alice', uid: 'alice-uid', groups: ['system:authenticated'] },
  dryRun: false,
  time: '2026-01-02T03:04:05.678Z',
  evaluator: 'evaluator-1',
});
let ids = 0;
const publish = (policy: string, body: unknown) =>
  bus.publish(violationSubject(policy), new TextEncoder().encode(JSON.stringify(body)), {
    id: `id-${ids++}`,
    timeoutMs: 5_000,
  });
const publishMany = async (policy: string, from: number, count: number) => {
  for (let number = from; number < from + count; number++) await publish(policy, event(policy, number));
};

const violationsOf = async (policy: string) =>
  (await kubeRequest(kube, 'GET', `${KINDS}/jspolicyviolations/${policy}`)).body;
const messagesOf = async (policy: string): Promise<string[]> =>
  ((await violationsOf(policy)).status?.violations ?? []).map(({ message }: { message: string }) => message);
const untilLatest = (policy: string, number: number) =>
  waitFor(async () => (await messagesOf(policy)).at(-1) === `violation ${number}`, {
    what: `violation ${number} of ${policy}`,
    timeoutMs: 20_000,
  });

test('a violation stands in an object of the policy’s name that the policy owns', async () => {
  const name = 'first.audit.example';
  const { metadata } = await makePolicy(name);
  await publish(name, event(name, 1));
  await untilLatest(name, 1);
  const found = await violationsOf(name);
  expect(found.metadata.ownerReferences).toEqual([
    {
      apiVersion: 'policy.jspolicy.com/v1beta1',
      kind: 'JsPolicy',
      name,
      uid: metadata.uid,
      controller: true,
      blockOwnerDeletion: true,
    },
  ]);
  expect(found.spec).toEqual({});
  expect(found.status.violations).toEqual([
    {
      action: 'Deny',
      code: 403,
      reason: 'Forbidden',
      message: 'violation 1',
      requestInfo: { name: 'web', namespace: 'default', kind: 'Pod', apiVersion: 'v1', operation: 'CREATE' },
      userInfo: { username: 'alice', uid: 'alice-uid' },
      timestamp: '2026-01-02T03:04:05Z',
    },
  ]);
});

test('of many the latest auditLogSize stay, in order, with few writes', async () => {
  const name = 'many.audit.example';
  await makePolicy(name, { auditLogSize: 4 });
  const before = await metric('jspolicy_violation_status_writes_total');
  await publishMany(name, 1, 300);
  await untilLatest(name, 300);
  expect(await messagesOf(name)).toEqual([297, 298, 299, 300].map((number) => `violation ${number}`));
  expect((await metric('jspolicy_violation_status_writes_total')) - before).toBeLessThan(30);
});

test('events that cannot be read are told and hold nothing up', async () => {
  const name = 'poison.audit.example';
  await makePolicy(name);
  const good = event(name, 0);
  const bad: unknown[] = [
    'no object',
    { ...good, schema: 2 },
    { ...good, requestInfo: null },
    { ...good, user: undefined },
    { ...good, user: { username: 1 } },
    { ...good, time: 'yesterday' },
    { ...good, code: '403' },
    { ...good, code: 2 ** 31 },
    { ...good, action: 'Shout' },
    { ...good, reason: {} },
    { ...good, policy: '../x' },
  ];
  const told = () => started[0]?.lines.filter((line) => line.includes('violation cannot be read')).length ?? 0;
  const before = told();
  for (const body of bad) await publish(name, body);
  await publish(name, event(name, 1));
  await untilLatest(name, 1);
  expect(told()).toBe(before + bad.length);
  expect(await messagesOf(name)).toEqual(['violation 1']);
});

test('violations of a policy that is gone are dropped', async () => {
  const [gone, stays] = ['gone.audit.example', 'stays.audit.example'];
  await makePolicy(stays);
  await publish(gone, event(gone, 1));
  await publish(stays, event(stays, 1));
  await untilLatest(stays, 1);
  await waitFor(() => started[0]?.lines.some((line) => line.includes(gone)), { what: 'the drop to be told' });
  expect((await violationsOf(gone)).code).toBe(404);
});

test('replicas share the work, and none is lost or told twice when one of them ends', async () => {
  const names = ['a.shared.example', 'b.shared.example', 'c.shared.example'];
  for (const name of names) await makePolicy(name, { auditLogSize: 40 });
  const second = await startAudit();
  for (const name of names) await publishMany(name, 1, 20);
  second.kill('SIGTERM');
  for (const name of names) await publishMany(name, 21, 20);
  expect(await second.exited).toMatchObject({ code: 0 });
  const all = Array.from({ length: 40 }, (_, i) => `violation ${i + 1}`);
  for (const name of names) {
    await waitFor(async () => (await messagesOf(name)).length === 40, { what: `all of ${name}`, timeoutMs: 45_000 });
    expect(await messagesOf(name)).toEqual(all);
  }
});
