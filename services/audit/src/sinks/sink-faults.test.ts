import { pause } from '@jspolicy/runtime';
import { type TestProcess, waitFor } from '@jspolicy/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type AuditStack, startStack } from '../audit-stack.test-part.ts';
import type { Receiver } from './receiver.test-part.ts';
import { ids, SinksForTest, untilDistinct } from './sinks-for-test.test-part.ts';

const AWAY_MS = 15_000;

let stack: AuditStack;
let sinks: SinksForTest;
let first: TestProcess;

async function makeSink(name: string, url: string, spec: object = {}): Promise<void> {
  const retry = { baseMs: 50, maxMs: 500 };
  await sinks.make(name, { type: 'webhook', webhook: { url }, retry, ...spec });
  await sinks.untilReason(name);
}

/** In the order of their first deliveries, of each policy. */
const ofPolicy = (one: Receiver, policy: string) => one.distinct.filter((id) => id.endsWith(`.${policy}`));

beforeAll(async () => {
  stack = await startStack();
  sinks = new SinksForTest(stack);
  first = stack.processes[0]!;
});
afterEach(() => sinks.clean());
afterAll(() => stack?.stop());

describe('ledgers are equal, in order per policy, when', () => {
  test('[F19] a sink is down and comes back, beside one that is well', async () => {
    const [down, well] = [await sinks.receiver(), await sinks.receiver()];
    await makeSink('down', down.url);
    await makeSink('well', well.url);
    await down.stop();
    for (let number = 0; number < 30; number++)
      await stack.publishMany(`p${number % 3}.example.com`, Math.floor(number / 3), 1);
    await untilDistinct(well, 30);
    await waitFor(async () => (await sinks.get('down')).status?.conditions?.[0]?.reason === 'Failing', {
      what: 'the trouble',
    });
    expect((await sinks.get('down')).status).toMatchObject({ pending: 30, delivered: 0 });
    expect(down.ids).toEqual([]);
    await down.start();
    await untilDistinct(down, 30);
    for (const policy of ['p0.example.com', 'p1.example.com', 'p2.example.com']) {
      expect(ofPolicy(down, policy)).toEqual(ids(policy, 0, 10));
      expect(ofPolicy(well, policy)).toEqual(ids(policy, 0, 10));
    }
    await sinks.untilFigures('down', { pending: 0 });
    expect((await sinks.get('down')).status?.conditions?.[0]).toMatchObject({ status: 'True', reason: 'Delivering' });
  });

  test('[F19] a sink takes one event and no other, beside fast ones that get everything meanwhile', async () => {
    const policy = 'slow.example.com';
    const [slow, ...fast] = [await sinks.receiver(), await sinks.receiver(), await sinks.receiver()];
    let go: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    slow.answer = async () => {
      await gate;
      return 204;
    };
    await makeSink('slow', slow.url);
    for (const [i, one] of fast.entries())
      await makeSink(`fast-${i}`, one.url, { webhook: { url: one.url, mode: 'batched' } });
    await stack.publishMany(policy, 0, 200);
    for (const one of fast) {
      await untilDistinct(one, 200);
      expect(one.ids).toEqual(ids(policy, 0, 200));
    }
    expect(slow.ids).toEqual([]);
    go();
    await untilDistinct(slow, 200);
    expect(slow.ids).toEqual(ids(policy, 0, 200));
  });

  test('[F19] a sink takes one event a second, beside a fast one', async () => {
    const policy = 'one-a-second.example.com';
    const [slow, fast] = [await sinks.receiver(), await sinks.receiver()];
    const all = ids(policy, 0, 5);
    const fastHasAll = Promise.withResolvers<void>();
    slow.answer = async ({ id }) => {
      await (id === all.at(-1) ? fastHasAll.promise : pause(1_000));
      return 204;
    };
    await makeSink('one-a-second', slow.url);
    await makeSink('beside', fast.url);
    await stack.publishMany(policy, 0, 5);
    await untilDistinct(fast, 5);
    // The fast one did not wait for it.
    expect(slow.ids).not.toContain(all.at(-1));
    fastHasAll.resolve();
    await untilDistinct(slow, 5);
    expect([slow.ids, fast.ids]).toEqual([all, all]);
  });

  test('[F20] a sink has taken an event and the connection ends before it says so: again, with the same id', async () => {
    const policy = 'again.example.com';
    const one = await sinks.receiver();
    await makeSink('again', one.url);
    let dropped = 0;
    one.answer = ({ id }) => {
      if (id === `3.${policy}` && dropped++ < 2) {
        one.dropConnections();
        return 204;
      }
      return 204;
    };
    await stack.publishMany(policy, 0, 6);
    await untilDistinct(one, 6);
    expect(one.ids).toEqual(ids(policy, 0, 6).flatMap((id) => (id.startsWith('3.') ? [id, id, id] : [id])));
  });

  test('[F21] audit is killed between the write of a sink and its acknowledgement, and another replica goes on', async () => {
    const policy = 'killed.example.com';
    const one = await sinks.receiver();
    await makeSink('killed', one.url);
    const second = await stack.startAudit();
    let killed = false;
    one.answer = ({ id }) => {
      // It has its turn: it was the only one when the sink was made.
      if (id === `5.${policy}` && !killed) {
        killed = true;
        first.kill('SIGKILL');
      }
      return 204;
    };
    await stack.publishMany(policy, 0, 12);
    await untilDistinct(one, 12);
    expect(killed).toBe(true);
    expect(one.distinct).toEqual(ids(policy, 0, 12));
    expect(one.ids.filter((id) => id === `5.${policy}`)).toHaveLength(2);
    await sinks.untilFigures('killed', { pending: 0 });
    expect(second.exit).toBeUndefined();
  });

  test('[F3] NATS is killed and comes back while a sink is served', async () => {
    const policy = 'nats.example.com';
    const one = await sinks.receiver();
    await makeSink('nats-away', one.url);
    await stack.publishMany(policy, 0, 5);
    await untilDistinct(one, 5);
    await stack.restartNats();
    await waitFor(() => stack.bus.connected, { what: 'the bus' });
    await stack.publishMany(policy, 5, 5);
    await untilDistinct(one, 10);
    expect(one.distinct).toEqual(ids(policy, 0, 10));
  });

  test('[F3] NATS is away for 15 s while a sink has events in hand', async () => {
    const policy = 'away.example.com';
    const one = await sinks.receiver();
    await makeSink('nats-long-away', one.url);
    let awayAtMs = Number.POSITIVE_INFINITY;
    one.answer = ({ id }) => {
      if (id === `5.${policy}` && awayAtMs === Number.POSITIVE_INFINITY) {
        stack.killNats();
        awayAtMs = performance.now();
      }
      return 204;
    };
    await stack.publishMany(policy, 0, 12);
    await waitFor(() => performance.now() - awayAtMs >= AWAY_MS, { what: 'the time to pass' });
    await stack.restartNats();
    await waitFor(() => stack.bus.connected, { what: 'the bus' });
    await stack.publishMany(policy, 12, 5);
    await untilDistinct(one, 17);
    expect(one.distinct).toEqual(ids(policy, 0, 17));
  });
});

test('the figures are right when the turn goes from replica to replica', async () => {
  const policy = 'turns.example.com';
  const one = await sinks.receiver();
  await makeSink('turns', one.url);
  one.answer = ({ id }) => (id.startsWith('3.') ? 422 : 204);
  for (let round = 0; round < 2; round++) {
    const before = stack.processes.filter(({ exit }) => !exit);
    await stack.startAudit();
    await stack.publishMany(policy, round * 10, 10);
    await untilDistinct(one, round * 10 + 9);
    for (const each of before) await each.stop();
  }
  const figures = async () => (await sinks.get('turns')).status;
  await waitFor(async () => (await figures())?.pending === 0, { what: 'the figures' });
  expect(await figures()).toMatchObject({ delivered: 19, dead: 1, failed: 0 });
  expect(one.ids).toEqual(ids(policy, 0, 20).filter((id) => !id.startsWith('3.')));
});

test('dead letters are sent again by the replica that has the turn', async () => {
  const policy = 'again-by-turn.example.com';
  const one = await sinks.receiver();
  await makeSink('by-turn', one.url);
  const second = await stack.startAudit();
  one.answer = () => 422;
  await stack.publishMany(policy, 0, 1);
  const letters = await waitFor(
    async () => {
      const found = await sinks.letters('by-turn');
      return found.length > 0 && found.map(({ sequence }) => sequence);
    },
    { what: 'the dead letter' },
  );
  one.answer = () => 204;
  const body = new TextEncoder().encode(JSON.stringify({ sink: 'by-turn', sequences: letters }));
  const statuses = new Set<number>();
  await waitFor(
    async () => {
      const { status } = await stack.bus.request('jspolicy.v1.sinks.retry', body, { deadlineMs: 90_000 });
      statuses.add(status);
      return status === 200;
    },
    { what: 'the one that has the turn' },
  );
  expect([...statuses].filter((status) => status !== 200 && status !== 421)).toEqual([]);
  expect(one.ids).toEqual(ids(policy, 0, 1));
  await sinks.untilFigures('by-turn', { dead: 0 });
  await second.stop();
});

test('of a batch that is given up only the events die that the sink does not take', async () => {
  const policy = 'poison.example.com';
  const one = await sinks.receiver();
  const spec = { webhook: { url: one.url, mode: 'batched' }, batch: { maxWaitMs: 1_000 } };
  await makeSink('poisoned', one.url, { ...spec, retry: { baseMs: 10, maxMs: 10, maxAttempts: 2 } });
  one.answer = ({ id }) => (id.startsWith('2.') ? 500 : 204);
  await stack.publishMany(policy, 0, 8);
  await untilDistinct(one, 7);
  await sinks.untilFigures('poisoned', { dead: 1 });
  expect(one.distinct).toEqual(ids(policy, 0, 8).filter((id) => !id.startsWith('2.')));
  const found = (await sinks.letters('poisoned')).map(({ reason }) => reason);
  expect(found).toEqual([expect.stringMatching(/^failed \d+ times: the server answered 500$/)]);
});

test('what a sink refuses or gives up is counted, and the rest goes on in order', async () => {
  const policy = 'dead.example.com';
  const one = await sinks.receiver();
  await makeSink('gives-up', one.url, { retry: { baseMs: 10, maxMs: 10, maxAttempts: 2 } });
  one.answer = ({ id }) => (id.startsWith('2.') ? 500 : id.startsWith('4.') ? 400 : 204);
  await stack.publishMany(policy, 0, 6);
  await untilDistinct(one, 4);
  expect(one.ids).toEqual(ids(policy, 0, 6).filter((id) => !/^[24]\./.test(id)));
  await sinks.untilFigures('gives-up', { dead: 2 });
  const reasons = (await sinks.letters('gives-up')).map(({ reason }) => reason);
  expect(reasons).toEqual(['failed 2 times: the server answered 500', 'the server answered 400']);
});
