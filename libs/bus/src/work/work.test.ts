import { DEAD_STREAM, type WorkMessage, workSubject } from '@jspolicy/contracts';
import { createLogger } from '@jspolicy/runtime';
import { natsForTest, type TestNats, waitFor } from '@jspolicy/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Bus, connectBus, type Running, type WorkEnd, type WorkTurn } from '../index.ts';
import { againMs } from './work-consumer.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const POLICY = 'p.test.example';
const kind = { group: '', version: 'v1', kind: 'ConfigMap', resource: 'configmaps', namespaced: true };

let nats: TestNats;
let bus: Bus;
let other: Bus;
const running: Running[] = [];

const work = (name: string, resourceVersion = '1', policy = POLICY): WorkMessage => ({
  schema: 1,
  policy,
  policyUid: 'u',
  generation: 1,
  digest: 'd',
  object: { ...kind, namespace: 'team', name },
  seen: { resourceVersion, gone: false },
});
const put = (message: WorkMessage, id = `${message.policy} ${message.object.name} ${message.seen.resourceVersion}`) =>
  bus.work.put(message, { id, timeoutMs: 60_000 });

async function consume(on: Bus, handler: (turn: WorkTurn) => Promise<WorkEnd>, parallel = 4): Promise<Running> {
  const started = await on.work.consume({ policy: POLICY, parallel, handler });
  running.push(started);
  return started;
}

beforeEach(async () => {
  nats = await natsForTest();
  const connect = (name: string) => connectBus({ servers: nats.url, name, log });
  [bus, other] = await Promise.all([connect('a'), connect('b')]);
  await bus.ensureTopology();
});
afterEach(async () => {
  for (const each of running.splice(0)) await each.stop();
  await bus.close();
  await other.close();
  await nats.stop();
});

test('an object that waits is there once, as it was told last', async () => {
  await put(work('one', '1'));
  await put(work('one', '2'));
  await put(work('two', '1'));
  expect(await put(work('two', '1'))).toMatchObject({ duplicate: true });
  expect(await bus.work.waiting(POLICY)).toBe(2);
  const seen: string[] = [];
  await consume(bus, async ({ work: { object, seen: at } }) => {
    seen.push(`${object.name} ${at.resourceVersion}`);
    return { kind: 'done' };
  });
  await waitFor(async () => (await bus.work.waiting(POLICY)) === 0, { what: 'the work to be done' });
  expect(seen.sort()).toEqual(['one 2', 'two 1']);
});

test('what comes while an object is worked on waits until that has ended, whoever takes it', async () => {
  let atOnce = 0;
  let most = 0;
  const versions: string[] = [];
  const handler = async ({ work: { seen } }: WorkTurn): Promise<WorkEnd> => {
    most = Math.max(most, ++atOnce);
    versions.push(seen.resourceVersion);
    // The next event comes in the middle of the work.
    const next = Number(seen.resourceVersion) + 1;
    if (next <= 8) await put(work('one', String(next)));
    await waitFor(() => true, { what: 'a turn of the event loop' });
    atOnce--;
    return { kind: 'done' };
  };
  await consume(bus, handler);
  await consume(other, handler);
  await put(work('one', '1'));
  await waitFor(() => versions.includes('8') && atOnce === 0, { what: 'the last version' });
  expect(most).toBe(1);
  expect(versions).toEqual(['1', '2', '3', '4', '5', '6', '7', '8']);
});

test('what fails comes again, later each time; a newer event begins anew', async () => {
  const attempts: number[] = [];
  await consume(bus, async ({ attempt, work: { seen } }) => {
    attempts.push(attempt);
    return seen.resourceVersion === '1' ? { kind: 'again' } : { kind: 'done' };
  });
  await put(work('one', '1'));
  await waitFor(() => attempts.length >= 6, { what: 'six attempts' });
  await put(work('one', '2'));
  await waitFor(async () => (await bus.work.waiting(POLICY)) === 0, { what: 'the work to be done' });
  expect(attempts.slice(0, 6)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(attempts.at(-1)).toBe(1);
  expect([1, 2, 3, 18, 19, 60].map(againMs)).toEqual([5, 10, 20, 655_360, 1_000_000, 1_000_000]);
});

test('a handler that throws is asked again; what is no work is a dead letter', async () => {
  let calls = 0;
  await consume(bus, async () => {
    if (calls++ === 0) throw new Error('a bug');
    return { kind: 'done' };
  });
  await put(work('one'));
  await bus.publish(workSubject(work('two')), new TextEncoder().encode('{'), { id: 'bad', timeoutMs: 60_000 });
  await waitFor(async () => (await bus.work.waiting(POLICY)) === 0, { what: 'the work to be done' });
  expect(calls).toBe(2);
  const letters: string[] = [];
  const dead = await bus.consume({
    stream: DEAD_STREAM,
    durable: 'test',
    batch: 1,
    handler: async (messages) => void letters.push(...messages.map(({ body }) => new TextDecoder().decode(body))),
  });
  running.push(dead);
  await waitFor(() => letters.length === 1, { what: 'the dead letter' });
  expect(letters).toEqual(['{']);
});

test('what waits for a policy, or for one of its kinds, can be dropped; other policies keep theirs', async () => {
  const secret = work('s');
  await put({ ...secret, object: { ...secret.object, kind: 'Secret', resource: 'secrets' } }, 'secret');
  await put(work('one'));
  await put(work('one', '1', 'other.test.example'));
  await bus.work.drop(POLICY, { group: '', resource: 'secrets' });
  expect(await bus.work.waiting(POLICY)).toBe(1);
  await bus.work.drop(POLICY);
  expect([await bus.work.waiting(POLICY), await bus.work.waiting('other.test.example')]).toEqual([0, 1]);
});

test('whoever stops finishes what it began and gives the rest to others', async () => {
  let finish: () => void = () => undefined;
  const first: string[] = [];
  const stops = await consume(
    bus,
    async ({ work: { object } }) => {
      first.push(object.name);
      await new Promise<void>((resolve) => (finish = resolve));
      return { kind: 'done' };
    },
    1,
  );
  const names = ['one', 'two', 'three'];
  for (const name of names) await put(work(name));
  await waitFor(() => first.length === 1, { what: 'the first to begin' });
  const stopped = stops.stop();
  const rest: string[] = [];
  await consume(other, async ({ work: { object } }) => {
    rest.push(object.name);
    return { kind: 'done' };
  });
  await waitFor(() => rest.length === 2, { what: 'the rest to be done by another' });
  finish();
  await stopped;
  await waitFor(async () => (await bus.work.waiting(POLICY)) === 0, { what: 'the work to be done' });
  expect([...first, ...rest].sort()).toEqual([...names].sort());
});

test('subjects have no text of users as it came', () => {
  const object = { group: 'a.example', version: 'v1', kind: 'K', resource: 'ks', namespaced: false, name: 'a.b:*>c d' };
  expect(workSubject({ policy: POLICY, object })).toBe(
    'jspolicy.v1.work.p_test_example.a%2eexample.ks.-.a%2eb%3A%2a%3Ec%20d',
  );
  expect(workSubject({ policy: POLICY, object: { ...kind, namespace: 'team', name: 'x' } })).toBe(
    'jspolicy.v1.work.p_test_example.-.configmaps.team.x',
  );
});
