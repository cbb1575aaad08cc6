import { type Bus, connectBus, connectPublisher } from '@jspolicy/bus';
import { VIOLATIONS_STREAM } from '@jspolicy/contracts';
import { createLogger } from '@jspolicy/runtime';
import { natsForTest, type TestNats, waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { contextFor, inTime, sinkEvent, sinkEvents } from '../events.test-part.ts';
import { openSink } from '../index.ts';

let nats: TestNats;
let bus: Bus;
const CONFIG = 'authorization { users: [{user: a, password: b}, {user: test, password: test}] }';
const context = contextFor({ connectNats: connectPublisher });
const opened = (settings: object) =>
  openSink('nats', { url: nats.url, user: 'a', passwordSecret: 'b', jetStream: true, ...settings }, context);

beforeAll(async () => {
  nats = await natsForTest({ config: CONFIG });
  const log = createLogger({ service: 'test', level: 'silent' });
  bus = await connectBus({
    servers: nats.url,
    security: { natsUser: 'test', natsPassword: 'test' },
    name: 'test',
    log,
  });
  await bus.ensureTopology();
});
afterAll(async () => {
  await bus?.close();
  await nats?.stop();
});

/** A stream of that server, which is one that the tests can read. */
async function streamed(): Promise<[subject: string, id: string][]> {
  const got: [string, string][] = [];
  const consumer = await bus.consume({
    stream: VIOLATIONS_STREAM,
    durable: 'look',
    batch: 100,
    handler: async (messages) => {
      for (const { subject, body } of messages) got.push([subject, JSON.parse(new TextDecoder().decode(body)).id]);
    },
  });
  await waitFor(async () => (await consumer.pending()) === 0, { what: 'all to be read' });
  await consumer.stop();
  return got;
}

test('events are in the stream of another server once, on the subject of the template', async () => {
  const sink = await opened({ subject: 'jspolicy.v1.violations.{policy}-{action}' });
  const events = [sinkEvent(1), sinkEvent(2, { action: 'Warn', policy: 'a.b.>' })];
  for (let i = 0; i < 2; i++) expect(await sink.write(events, inTime())).toEqual([]);
  await sink.close();
  expect(await streamed()).toEqual([
    ['jspolicy.v1.violations.no-latest_example_com-Deny', events[0]?.event.id],
    ['jspolicy.v1.violations.a_b__-Warn', events[1]?.event.id],
  ]);
});

test('without a stream an event is tried again, and without JetStream it is published', async () => {
  const strict = await opened({ subject: 'nobody.keeps.this' });
  await expect(strict.write(sinkEvents(1), inTime())).rejects.toThrow();
  await strict.close();
  const loose = await opened({ subject: 'nobody.keeps.this', jetStream: false });
  expect(await loose.write(sinkEvents(1), inTime())).toEqual([]);
  await loose.close();
});

test('a password that the server does not know, and a server that is away', async () => {
  await expect(opened({ passwordSecret: 'wrong' })).rejects.toThrow(/authorization/i);
  await expect(opened({ url: 'nats://127.0.0.1:1' })).rejects.toThrow();
});
