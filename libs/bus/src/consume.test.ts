import { DEAD_STREAM, EngineError, HEADER, VIOLATIONS_STREAM, violationSubject } from '@jspolicy/contracts';
import { createLogger } from '@jspolicy/runtime';
import { natsForTest, type TestNats, waitFor } from '@jspolicy/testing';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Bus, type ConsumeOptions, connectBus, type StreamMessage } from './index.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const subject = violationSubject('a.test.example');
const text = ({ body }: StreamMessage) => new TextDecoder().decode(body);

let nats: TestNats;
const open: Bus[] = [];
let ids = 0;

const bus = async (name: string) => {
  const made = await connectBus({ servers: nats.url, name, log });
  open.push(made);
  return made;
};
const publish = async (on: Bus, ...texts: string[]) => {
  for (const each of texts)
    await on.publish(subject, new TextEncoder().encode(each), { id: `id-${ids++}`, timeoutMs: 60_000 });
};
/** A consumer of what the test published. */
const consume = (on: Bus, options: Pick<ConsumeOptions, 'handler'> & Partial<ConsumeOptions>) =>
  on.consume({ stream: VIOLATIONS_STREAM, durable: 'test', batch: 10, ...options });

beforeEach(async () => {
  nats = await natsForTest();
  await (await bus('topology')).ensureTopology();
});
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
  await nats?.stop();
});

test('one id is one message; a handler that fails gets its messages again', async () => {
  const store = await bus('store');
  const body = new TextEncoder().encode('1');
  const first = await store.publish(subject, body, { id: 'one', timeoutMs: 60_000 });
  const again = await store.publish(subject, body, { id: 'one', timeoutMs: 60_000 });
  expect([first.duplicate, again.duplicate, again.sequence]).toEqual([false, true, first.sequence]);
  await publish(store, '2');
  const handled: string[] = [];
  let failures = 0;
  const consumer = await consume(store, {
    handler: async (messages) => {
      if (failures++ === 0) throw new EngineError('BUS_UNAVAILABLE', 'first time');
      handled.push(...messages.map(text));
    },
  });
  await waitFor(() => handled.length >= 2, { what: 'both messages' });
  expect([...handled].sort()).toEqual(['1', '2']);
  await waitFor(async () => (await consumer.pending()) === 0, { what: 'nothing to be pending' });
  await consumer.stop();
  expect(await store.streamIdentity(VIOLATIONS_STREAM)).toContain(VIOLATIONS_STREAM);
});

test('what a consumer that stops has not handled is delivered to another one, before the wait for its answer ends', async () => {
  const [first, second] = [await bus('first'), await bus('second')];
  let finish: () => void = () => undefined;
  const taken: string[] = [];
  const stops = await consume(first, {
    batch: 2,
    handler: async (messages) => {
      taken.push(...messages.map(text));
      await new Promise<void>((resolve) => (finish = resolve));
    },
  });
  await publish(first, '1', '2', '3', '4', '5', '6');
  await waitFor(() => taken.length > 0, { what: 'a batch to be at hand' });
  const stopped = stops.stop();
  const others: string[] = [];
  const goesOn = await consume(second, { handler: async (messages) => void others.push(...messages.map(text)) });
  await waitLong();
  finish();
  await stopped;
  await waitFor(() => taken.length + others.length === 6, { what: 'all of them' });
  expect([...taken, ...others].sort()).toEqual(['1', '2', '3', '4', '5', '6']);
  // Acknowledged when the handler has returned.
  await waitFor(async () => (await goesOn.pending()) === 0, { what: 'nothing to be pending' });
  await goesOn.stop();
});

/** A message that is neither acknowledged nor given back does not come again while the test runs. */
async function waitLong(): Promise<void> {
  const admin = await connect({ servers: nats.url });
  const { consumers } = await jetstreamManager(admin);
  await consumers.update(VIOLATIONS_STREAM, 'test', { ack_wait: 3_600e9 });
  await admin.close();
}

/** What stands in JSPOLICY_DEAD, as it comes. */
const deadLetters = async (on: Bus) => {
  const letters: StreamMessage[] = [];
  const reader = await on.consume({
    stream: DEAD_STREAM,
    durable: 'reader',
    batch: 10,
    handler: async (messages) => void letters.push(...messages),
  });
  return { letters, pending: () => reader.pending() };
};

test('a message that can never be handled is a dead letter with the reason; the others of its batch are handled', async () => {
  const store = await bus('store');
  const dead: string[] = [];
  const handled: string[] = [];
  await publish(store, 'good', 'poison', 'fine');
  const consumer = await consume(store, {
    handler: async (messages) => {
      const [bad, good] = [
        messages.filter((each) => text(each) === 'poison'),
        messages.filter((each) => text(each) !== 'poison'),
      ];
      handled.push(...good.map(text));
      return bad.map(({ sequence }) => ({ sequence, reason: 'not\n JSON', fate: 'dead' as const }));
    },
    onDead: (message, reason) => dead.push(`${text(message)}: ${reason}`),
  });
  const { letters } = await deadLetters(store);
  await waitFor(() => letters.length > 0, { what: 'the dead letter' });
  expect(letters.map(text)).toEqual(['poison']);
  expect(letters[0]?.headers).toMatchObject({
    [HEADER.deadReason]: 'not JSON',
    [HEADER.deadStream]: VIOLATIONS_STREAM,
    [HEADER.deadConsumer]: 'test',
    [HEADER.deadSubject]: subject,
    [HEADER.deadSequence]: '2',
    [HEADER.deadDeliveries]: '1',
  });
  await waitFor(async () => (await consumer.pending()) === 0, { what: 'nothing to be pending' });
  expect(dead).toEqual(['poison: not\n JSON']);
  expect(handled.sort()).toEqual(['fine', 'good']);
});

test('a message that the handler throws at, however often, is a dead letter; the others of its batch are handled', async () => {
  const store = await bus('store');
  const handled = new Set<string>();
  let throws = 0;
  await publish(store, ...Array.from({ length: 20 }, (_, i) => (i === 7 ? 'poison' : `good ${i}`)));
  const consumer = await consume(store, {
    batch: 100,
    handler: async (messages) => {
      if (messages.length === 1 && messages.map(text)[0] === 'poison') throws++;
      if (messages.map(text).includes('poison')) throw new TypeError('cannot read this');
      for (const message of messages) handled.add(text(message));
    },
  });
  const { letters } = await deadLetters(store);
  await waitFor(() => letters.length > 0, { what: 'the dead letter' });
  expect(letters.map(text)).toEqual(['poison']);
  expect(letters[0]?.headers[HEADER.deadReason]).toBe('failed 5 times: cannot read this');
  expect(throws).toBe(5);
  expect(handled.size).toBe(19);
  await waitFor(async () => (await consumer.pending()) === 0, { what: 'nothing to be pending' });
});

test('what fails by the platform’s fault is not taken apart, and is no dead letter', async () => {
  const store = await bus('store');
  await publish(store, '1', '2', '3');
  let down = true;
  const failures: number[] = [];
  const handled = new Set<string>();
  const consumer = await consume(store, {
    handler: async (messages) => {
      if (down) failures.push(messages.length);
      if (down) throw new EngineError('BUS_UNAVAILABLE', 'down');
      for (const message of messages) handled.add(text(message));
      return undefined;
    },
  });
  await waitFor(() => failures.reduce((sum, length) => sum + length, 0) >= 9, { what: 'each to fail three times' });
  down = false;
  await waitFor(() => handled.size === 3, { what: 'all to be handled' });
  await waitFor(async () => (await consumer.pending()) === 0, { what: 'nothing to be pending' });
  expect(await (await deadLetters(store)).pending()).toBe(0);
});

test('only failures of the message itself lead to its dead letter, however often it was delivered', async () => {
  const store = await bus('store');
  await publish(store, 'late');
  let deliveries = 0;
  let handled = false;
  const consumer = await consume(store, {
    handler: async () => {
      deliveries++;
      if (deliveries <= 5) throw new EngineError('BUS_UNAVAILABLE', 'down');
      if (deliveries === 6) throw new TypeError('its own fault, once');
      handled = true;
    },
  });
  await waitFor(() => handled, { what: 'it to be handled' });
  await waitFor(async () => (await consumer.pending()) === 0, { what: 'nothing to be pending' });
  expect(deliveries).toBe(7);
  expect(await (await deadLetters(store)).pending()).toBe(0);
});

test('while NATS is away a consumer stops all the same', async () => {
  const store = await bus('store');
  const consumers = [
    await consume(store, { handler: async () => undefined }),
    store.replay({ stream: VIOLATIONS_STREAM, handler: () => undefined, onCaughtUp: () => undefined }),
    await store.deliveries.begin({
      stream: VIOLATIONS_STREAM,
      durable: 'delivered',
      start: 'All',
      batch: { maxEvents: 1, maxBytes: 1024, maxWaitMs: 10 },
      paused: false,
      onTurn: () => undefined,
      handler: async () => undefined,
    }),
  ];
  await nats.kill('SIGKILL');
  await waitFor(() => !store.connected, { what: 'the connection to be lost' });
  await Promise.all(consumers.map((each) => each.stop()));
  expect(store.connected).toBe(false);
});
