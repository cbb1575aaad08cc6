import { resolve } from 'node:path';
import { type Bus, connectBus, type StreamMessage } from '@jspolicy/bus';
import { DEAD_STREAM, HEADER, type ViolationEvent, violationSubject } from '@jspolicy/contracts';
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

/** From now on the API server refuses a status with this message, with code 422. */
async function refuseMessage(message: string) {
  const path = '/apis/admissionregistration.k8s.io/v1';
  const guard = { apiVersion: 'admissionregistration.k8s.io/v1', metadata: { name: 'no-such-message' } };
  const resources = ['jspolicyviolations/status'];
  const rule = { apiGroups: ['policy.jspolicy.com'], apiVersions: ['*'], operations: ['*'], resources };
  const expression = `!object.status.violations.exists(v, v.message == '${message}')`;
  await kubeRequest(kube, 'POST', `${path}/validatingadmissionpolicies`, {
    ...guard,
    kind: 'ValidatingAdmissionPolicy',
    spec: { matchConstraints: { resourceRules: [rule] }, validations: [{ expression, message: 'refused' }] },
  });
  await kubeRequest(kube, 'POST', `${path}/validatingadmissionpolicybindings`, {
    ...guard,
    kind: 'ValidatingAdmissionPolicyBinding',
    spec: { policyName: 'no-such-message', validationActions: ['Deny'] },
  });
  const probe = 'probe.audit.example';
  await makePolicy(probe);
  await kubeRequest(kube, 'POST', `${KINDS}/jspolicyviolations`, {
    apiVersion: 'policy.jspolicy.com/v1beta1',
    kind: 'JsPolicyViolations',
    metadata: { name: probe },
  });
  const entry = { action: 'Deny', message, requestInfo: {}, userInfo: {}, timestamp: '2026-01-02T03:04:05Z' };
  const put = () =>
    kubeRequest(kube, 'PATCH', `${KINDS}/jspolicyviolations/${probe}/status`, {
      status: { violations: [entry] },
    });
  await waitFor(async () => (await put()).status === 422, { what: 'the refusal to be in force', timeoutMs: 20_000 });
}

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

test('events that cannot be read are kept as dead letters, counted, told, and hold nothing up', async () => {
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
  const dead: StreamMessage[] = [];
  const reader = await bus.consume({
    stream: DEAD_STREAM,
    durable: 'test',
    batch: 100,
    handler: async (messages) => void dead.push(...messages),
  });
  for (const body of bad) await publish(name, body);
  await bus.publish(violationSubject(name), new Uint8Array([0xff, 0x7b]), { id: 'no-json', timeoutMs: 5_000 });
  await publish(name, event(name, 1));
  await untilLatest(name, 1);
  expect(await messagesOf(name)).toEqual(['violation 1']);
  await waitFor(() => dead.length === bad.length + 1, { what: 'the dead letters' });
  const reasons = dead.map(({ headers }) => headers[HEADER.deadReason]);
  expect(reasons).toContain('violation cannot be read: schema 2, this version knows 1');
  expect(reasons).toContain('violation cannot be read: not JSON');
  expect(dead.map(({ body }) => new TextDecoder().decode(body))).toContain(JSON.stringify(bad[0]));
  await waitFor(() => told() === dead.length, { what: 'all to be told' });
  expect(await metric('jspolicy_violations_dead_total')).toBe(dead.length);
  await reader.stop();
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
    await waitFor(async () => (await messagesOf(name)).length === 40, { what: `all of ${name}` });
    expect(await messagesOf(name)).toEqual(all);
  }
});

test('an entry that the API server does not take is a dead letter; the others beside it stand in the status', async () => {
  const name = 'refused.audit.example';
  await makePolicy(name, { auditLogSize: 40 });
  await refuseMessage('violation 5');
  const deadBefore = await metric('jspolicy_violations_dead_total');
  await publishMany(name, 1, 20);
  await untilLatest(name, 20);
  await waitFor(async () => (await messagesOf(name)).length === 19, { what: 'all but one' });
  expect(await messagesOf(name)).not.toContain('violation 5');
  await waitFor(async () => (await metric('jspolicy_violations_dead_total')) === deadBefore + 1, { what: 'one dead' });
});

test('while the API server is away violations wait, the lag is told, and none is lost or a dead letter', async () => {
  const name = 'away.audit.example';
  await makePolicy(name, { auditLogSize: 40 });
  const deadBefore = await metric('jspolicy_violations_dead_total');
  await kube.kill('SIGKILL');
  await publishMany(name, 1, 30);
  await waitFor(async () => (await metric('jspolicy_violations_pending')) >= 30, {
    what: 'the lag to be told',
    timeoutMs: 20_000,
  });
  await kube.restart();
  await untilLatest(name, 30);
  expect(await messagesOf(name)).toHaveLength(30);
  await waitFor(async () => (await metric('jspolicy_violations_pending')) === 0, {
    what: 'no lag any more',
    timeoutMs: 20_000,
  });
  expect(await metric('jspolicy_violations_dead_total')).toBe(deadBefore);
});
