import type { JsPolicyViolations } from '@jspolicy/contracts';
import { connectApiServer } from '@jspolicy/kube';
import { createLogger } from '@jspolicy/runtime';
import { waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AuditStack, event, startStack } from './audit-stack.test-part.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const MIN_GAP_MS = 1_000;
/** Timers may fire a moment early. */
const TIMER_MS = 5;
const ACTIONS = ['Deny', 'Warn', 'Dry', 'Deny'] as const;

let stack: AuditStack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack?.stop());

type Status = NonNullable<JsPolicyViolations['status']>;

/** Every status that the API server was given, by policy, in order. */
async function followStatuses() {
  const cluster = await connectApiServer({ kubeconfig: stack.kube.kubeconfigPath, log });
  const type = await cluster.resolve('policy.jspolicy.com/v1beta1', 'JsPolicyViolations');
  const statuses = new Map<string, Status[]>();
  const watch = cluster.watch(type, {
    onChange: ({ metadata, status }) => {
      if (status) statuses.set(metadata.name, [...(statuses.get(metadata.name) ?? []), status as Status]);
    },
    onDelete: () => undefined,
    onSynced: () => undefined,
    onError: () => undefined,
  });
  return { statuses, stop: () => watch.stop().then(() => cluster.close()) };
}

async function publishBurst(policies: string[], from: number, count: number): Promise<void> {
  const numbers = Array.from({ length: count }, (_, index) => from + index);
  await Promise.all(
    numbers.map(async (number) => {
      const policy = policies[number % policies.length] as string;
      const told = event(policy, number);
      const action = ACTIONS[number % ACTIONS.length] as (typeof ACTIONS)[number];
      await stack.publish(policy, { ...told, data: { ...told.data, action } });
    }),
  );
}

const countOf = async (policy: string): Promise<number> =>
  (await stack.violationsOf(policy)).status?.totals?.violations ?? 0;

test('two replicas, one of them killed in a burst: totals are exact, with a write a second', async () => {
  const [first, second] = ['a.burst.example', 'b.burst.example'];
  const policies = [first, second, first];
  for (const policy of [first, second]) await stack.makePolicy(policy, { auditLogSize: 40 });
  const followed = await followStatuses();
  const replica = await stack.startAudit();
  await publishBurst(policies, 0, 3_000);
  await waitFor(async () => (await countOf(first)) > 0, { what: 'a first part' });
  replica.kill('SIGKILL');
  await publishBurst(policies, 3_000, 3_000);
  const third = await stack.startAudit();
  await waitFor(async () => (await countOf(first)) === 4_000 && (await countOf(second)) === 2_000, {
    what: 'all to be counted',
  });
  // What the replica that was killed held comes again, and is known.
  await waitFor(async () => (await stack.metric('jspolicy_violations_pending')) === 0, {
    what: 'nothing to wait',
  });
  expect((await stack.violationsOf(first)).status.totals).toEqual({
    violations: 4_000,
    deny: 2_000,
    warn: 1_000,
    dry: 1_000,
    controller: 0,
  });
  expect((await stack.violationsOf(second)).status.totals).toMatchObject({ violations: 2_000, deny: 1_000 });
  await followed.stop();
  for (const statuses of followed.statuses.values()) {
    const times = statuses.map(({ writtenAt }) => Date.parse(writtenAt ?? ''));
    for (const [index, time] of times.slice(1).entries())
      expect(time - (times[index] ?? 0)).toBeGreaterThanOrEqual(MIN_GAP_MS - TIMER_MS);
    for (const status of statuses) expect(JSON.stringify(status).length).toBeLessThan(1_000_000);
  }
  await third.stop();
});

test('a consumer that is deleted is made anew, and what it delivers again is not counted again', async () => {
  const name = 'again.burst.example';
  await stack.makePolicy(name, { auditLogSize: 40 });
  await publishBurst([name], 10_000, 500);
  await waitFor(async () => (await countOf(name)) === 500, { what: 'all to be counted' });
  await stack.deleteConsumer();
  await publishBurst([name], 10_500, 500);
  await waitFor(async () => (await countOf(name)) >= 1_000, { what: 'the rest to be counted' });
  await waitFor(async () => (await stack.metric('jspolicy_violations_pending')) === 0, {
    what: 'nothing to wait',
  });
  expect(await countOf(name)).toBe(1_000);
});
