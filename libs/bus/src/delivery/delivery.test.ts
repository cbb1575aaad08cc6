import { VIOLATIONS_STREAM } from '@jspolicy/contracts';
import { createLogger } from '@jspolicy/runtime';
import { natsForTest, type TestNats, waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Bus, connectBus, type DeliveryBatch, type DeliveryOptions } from '../index.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const text = (body: Uint8Array) => new TextDecoder().decode(body);
let nats: TestNats;
let bus: Bus;
let published = 0;

beforeAll(async () => {
  nats = await natsForTest();
  bus = await connectBus({ servers: nats.url, name: 'test', log });
  await bus.ensureTopology();
});
afterAll(async () => {
  await bus?.close();
  await nats?.stop();
});

async function publish(...bodies: string[]): Promise<void> {
  for (const body of bodies) {
    const id = `${published++}`;
    await bus.publish('jspolicy.v1.violations.p', new TextEncoder().encode(body), { id, timeoutMs: 60_000 });
  }
}

const options = (durable: string, parts: Partial<DeliveryOptions>): DeliveryOptions => ({
  stream: VIOLATIONS_STREAM,
  durable,
  start: 'New',
  batch: { maxEvents: 10, maxBytes: 1_000_000, maxWaitMs: 0 },
  paused: false,
  onTurn: () => undefined,
  handler: async () => undefined,
  ...parts,
});

const taking =
  (got: string[]) =>
  async ({ messages, settle }: DeliveryBatch) => {
    for (const message of messages) {
      got.push(text(message.body));
      settle(message);
    }
  };

describe('a delivery', () => {
  test('takes turns: another process goes on where the first one stopped, in order', async () => {
    const other = await connectBus({ servers: nats.url, name: 'other', log });
    const [first, second]: [string[], string[]] = [[], []];
    const begun = await bus.deliveries.begin(options('turns', { handler: taking(first) }));
    await publish('1', '2');
    await waitFor(() => first.length === 2, { what: 'the first two' });
    const waiting = await other.deliveries.begin(options('turns', { handler: taking(second) }));
    await publish('3');
    await waitFor(() => first.length === 3, { what: 'the third' });
    await begun.stop();
    await publish('4', '5');
    await waitFor(() => second.length === 2, { what: 'the others' });
    expect([first, second]).toEqual([
      ['1', '2', '3'],
      ['4', '5'],
    ]);
    await waitFor(async () => (await waiting.state()).pending === 0, { what: 'all to be settled' });
    await waiting.stop();
    await other.close();
  });

  test('ends a turn, with what is left to do, before another one begins', async () => {
    const other = await connectBus({ servers: nats.url, name: 'other', log });
    const order: string[] = [];
    let finish: () => void = () => undefined;
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const onTurnEnd = async () => {
      order.push('ending');
      await finished;
      order.push('ended');
    };
    const begun = await bus.deliveries.begin(options('ends', { onTurn: () => order.push('first'), onTurnEnd }));
    await waitFor(() => order.length === 1, { what: 'the first turn' });
    const waiting = await other.deliveries.begin(options('ends', { onTurn: () => order.push('second') }));
    const stopped = begun.stop();
    await waitFor(() => order.includes('ending'), { what: 'its end' });
    finish();
    await stopped;
    await waitFor(() => order.includes('second'), { what: 'the second turn' });
    expect(order).toEqual(['first', 'ending', 'ended', 'second']);
    await waiting.stop();
    await other.close();
  });

  test('has what was not settled again, from the first of it on', async () => {
    const got: string[] = [];
    let failures = 0;
    const delivery = await bus.deliveries.begin(
      options('again', {
        handler: async (batch) => {
          for (const message of batch.messages) {
            if (text(message.body) === 'b' && failures++ < 2) throw new Error('not now');
            got.push(text(message.body));
            batch.settle(message);
          }
        },
      }),
    );
    await publish('a', 'b', 'c', 'd');
    await waitFor(() => got.length === 4, { what: 'all four' });
    expect(got).toEqual(['a', 'b', 'c', 'd']);
    await delivery.stop();
  });

  test('batches by bytes, one message at least', async () => {
    const sizes: number[] = [];
    const batch = { maxEvents: 10, maxBytes: 10, maxWaitMs: 60_000 };
    const delivery = await bus.deliveries.begin(
      options('bytes', {
        batch,
        handler: async ({ messages, settle }) => {
          sizes.push(messages.length);
          messages.forEach(settle);
        },
      }),
    );
    await publish('12345', '12345', '1234567890abc', '12345', '12345');
    await waitFor(() => sizes.length === 3, { what: 'three batches' });
    expect(sizes).toEqual([2, 1, 2]);
    await delivery.stop();
  });

  test('that is paused tells what waits and since when; one that is removed is gone', async () => {
    const delivery = await bus.deliveries.begin(options('paused', { paused: true }));
    await publish('x', 'y');
    const state = await waitFor(async () => (await delivery.state()).pending === 2 && (await delivery.state()), {
      what: 'two that wait',
    });
    expect(state.oldest?.getTime()).toBeGreaterThan(0);
    await delivery.stop();
    expect(await bus.deliveries.names(VIOLATIONS_STREAM)).toContain('paused');
    for (let i = 0; i < 2; i++) await bus.deliveries.remove(VIOLATIONS_STREAM, 'paused');
    expect(await bus.deliveries.names(VIOLATIONS_STREAM)).not.toContain('paused');
  });
});

test('a dead letter has its reason and its sink, and can be removed', async () => {
  const delivery = await bus.deliveries.begin(
    options('dead', {
      handler: async ({ messages, bury }) => {
        for (const message of messages) await bury(message, { reason: 'no\nuse', sink: 'mine' });
      },
    }),
  );
  await publish('lost');
  const letters = async () => {
    const found = [];
    for await (const entry of bus.deadLetters.list('mine')) found.push(entry);
    return found;
  };
  await waitFor(async () => (await letters()).length === 1, { what: 'the letter' });
  const [letter] = await letters();
  expect(letter).toMatchObject({ reason: 'no use', sink: 'mine', subject: 'jspolicy.v1.violations.p' });
  expect(text(letter?.body ?? new Uint8Array())).toBe('lost');
  await bus.deadLetters.remove(letter?.sequence ?? 0);
  expect(await letters()).toEqual([]);
  expect(await bus.deadLetters.get(letter?.sequence ?? 0)).toBeUndefined();
  await delivery.stop();
});

test('a stream is read to its end, or followed', async () => {
  await publish('read-1', 'read-2');
  const read: string[] = [];
  for await (const { body } of bus.read({ stream: VIOLATIONS_STREAM, follow: false })) read.push(text(body));
  expect(read.slice(-2)).toEqual(['read-1', 'read-2']);
  const none: string[] = [];
  const later = new Date(Date.now() + 3_600_000);
  for await (const { body } of bus.read({ stream: VIOLATIONS_STREAM, since: later, follow: false }))
    none.push(text(body));
  expect(none).toEqual([]);
  const stop = new AbortController();
  const followed: string[] = [];
  for await (const { body } of bus.read({ stream: VIOLATIONS_STREAM, follow: true, signal: stop.signal })) {
    followed.push(text(body));
    if (text(body) === 'read-2') await publish('read-3');
    if (text(body) === 'read-3') stop.abort();
  }
  expect(followed.slice(-3)).toEqual(['read-1', 'read-2', 'read-3']);
});
