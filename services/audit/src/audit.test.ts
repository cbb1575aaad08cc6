import type { StreamMessage } from '@jspolicy/bus';
import { DEAD_STREAM, HEADER } from '@jspolicy/contracts';
import { waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AuditStack, event, startStack } from './audit-stack.test-part.ts';

let stack: AuditStack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack?.stop());

test('a violation stands in an object of the policy’s name that the policy owns', async () => {
  const name = 'first.audit.example';
  const { metadata } = await stack.makePolicy(name);
  await stack.publish(name, event(name, 1));
  await stack.untilLatest(name, 1);
  const found = await stack.violationsOf(name);
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
  await stack.makePolicy(name, { auditLogSize: 4 });
  const before = await stack.metric('jspolicy_violation_status_writes_total');
  const beganMs = performance.now();
  await stack.publishMany(name, 1, 300);
  await stack.untilLatest(name, 300);
  expect(await stack.messagesOf(name)).toEqual([297, 298, 299, 300].map((number) => `violation ${number}`));
  // At most one a second, however slowly they came.
  const seconds = (performance.now() - beganMs) / 1000;
  const writes = (await stack.metric('jspolicy_violation_status_writes_total')) - before;
  expect(writes).toBeLessThan(Math.max(30, seconds + 5));
});

test('events that cannot be read are kept as dead letters, counted, told, and hold nothing up', async () => {
  const name = 'poison.audit.example';
  await stack.makePolicy(name);
  const good = event(name, 0);
  const withData = (fields: object) => ({ ...good, data: { ...good.data, ...fields } });
  const bad: unknown[] = [
    'no object',
    { ...good, specversion: '2.0' },
    { ...good, type: 'com.jspolicy.policy.violation.v2' },
    { ...good, time: 'yesterday' },
    { ...good, data: null },
    withData({ request: null }),
    withData({ user: undefined }),
    withData({ user: { username: 1 } }),
    withData({ object: { uid: {} } }),
    withData({ code: '403' }),
    withData({ code: 2 ** 31 }),
    withData({ action: 'Shout' }),
    withData({ reason: {} }),
    withData({ policy: '../x' }),
  ];
  const told = () => stack.lines.filter((line) => line.includes('violation cannot be read')).length;
  const dead: StreamMessage[] = [];
  const reader = await stack.bus.consume({
    stream: DEAD_STREAM,
    durable: 'test',
    batch: 100,
    handler: async (messages) => void dead.push(...messages),
  });
  for (const body of bad) await stack.publish(name, body);
  await stack.publishBytes(name, new Uint8Array([0xff, 0x7b]));
  await stack.publish(name, event(name, 1));
  await stack.untilLatest(name, 1);
  expect(await stack.messagesOf(name)).toEqual(['violation 1']);
  await waitFor(() => dead.length === bad.length + 1, { what: 'the dead letters' });
  const reasons = dead.map(({ headers }) => headers[HEADER.deadReason]);
  expect(reasons).toContain('violation cannot be read: specversion 2.0, this version knows 1.0');
  expect(reasons).toContain('violation cannot be read: not JSON');
  expect(dead.map(({ body }) => new TextDecoder().decode(body))).toContain(JSON.stringify(bad[0]));
  await waitFor(() => told() === dead.length, { what: 'all to be told' });
  expect(await stack.metric('jspolicy_violations_dead_total')).toBe(dead.length);
  await reader.stop();
});

test('violations of a policy that is gone are dropped', async () => {
  const [gone, stays] = ['gone.audit.example', 'stays.audit.example'];
  await stack.makePolicy(stays);
  await stack.publish(gone, event(gone, 1));
  await stack.publish(stays, event(stays, 1));
  await stack.untilLatest(stays, 1);
  await waitFor(() => stack.lines.some((line) => line.includes(gone)), { what: 'the drop to be told' });
  expect((await stack.violationsOf(gone)).code).toBe(404);
});

test('replicas share the work, and none is lost or told twice when one of them ends', async () => {
  const names = ['a.shared.example', 'b.shared.example', 'c.shared.example'];
  for (const name of names) await stack.makePolicy(name, { auditLogSize: 40 });
  const second = await stack.startAudit();
  for (const name of names) await stack.publishMany(name, 1, 20);
  second.kill('SIGTERM');
  for (const name of names) await stack.publishMany(name, 21, 20);
  expect(await second.exited).toMatchObject({ code: 0 });
  const all = Array.from({ length: 40 }, (_, i) => `violation ${i + 1}`);
  for (const name of names) {
    await waitFor(async () => (await stack.messagesOf(name)).length === 40, { what: `all of ${name}` });
    expect(await stack.messagesOf(name)).toEqual(all);
  }
});
