import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { VIOLATIONS_STREAM, violationSubject } from '@jspolicy/contracts';
import { createLogger } from '@jspolicy/runtime';
import { natsForTest, type TestNats, waitFor } from '@jspolicy/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Bus, connectBus, type Running } from './index.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const HOUR_MS = 3_600_000;
let nats: TestNats;
let bus: Bus;
let told: string[];
let ids = 0;
const running: Running[] = [];

beforeEach(async () => {
  nats = await natsForTest();
  bus = await connectBus({ servers: nats.url, name: 'test', log });
  await bus.ensureTopology();
  told = [];
});
afterEach(async () => {
  for (const each of running.splice(0)) await each.stop();
  await bus.close();
  await nats.stop();
});

const publish = async (...texts: string[]) => {
  for (const text of texts) {
    const body = new TextEncoder().encode(text);
    await bus.publish(violationSubject('a.test.example'), body, { id: `id-${ids++}`, timeoutMs: 60_000 });
  }
};
const replay = () =>
  running.push(
    bus.replay({
      stream: VIOLATIONS_STREAM,
      handler: ({ body }) => told.push(new TextDecoder().decode(body)),
      onCaughtUp: () => told.push('caught up'),
    }),
  );
const toldAre = async (...texts: string[]) => {
  await waitFor(() => told.length >= texts.length, { what: `${texts}` });
  expect(told).toEqual(texts);
};

test('what was there is told, then that it was all, then what comes', async () => {
  await publish('a', 'b');
  replay();
  await toldAre('a', 'b', 'caught up');
  await publish('c');
  await toldAre('a', 'b', 'caught up', 'c');
});

test('an empty stream is caught up with at once; a restart of the server is not seen', async () => {
  replay();
  await toldAre('caught up');
  await publish('a');
  await toldAre('caught up', 'a');
  nats.kill('SIGKILL');
  await nats.restart();
  // The same message, whichever try the server took.
  const again = { id: 'b', timeoutMs: 5_000 };
  const body = new TextEncoder().encode('b');
  const published = () => bus.publish(violationSubject('a.test.example'), body, again).then(() => true);
  await waitFor(published, { what: 'the server to be back' });
  await toldAre('caught up', 'a', 'b');
});

test('a stream that is made anew is read from its start', async () => {
  await publish('a', 'b', 'c');
  replay();
  await toldAre('a', 'b', 'c', 'caught up');
  await rm(join(nats.storeDir, 'jetstream'), { recursive: true, force: true });
  await nats.restart();
  await waitFor(() => bus.ensureTopology().then(() => true), { what: 'the topology' });
  await publish('d');
  await toldAre('a', 'b', 'c', 'caught up', 'd');
});

test('what is older or more than the retention allows is not kept', async () => {
  await publish('x'.repeat(50_000), 'y');
  await bus.ensureTopology({ maxAgeMs: HOUR_MS, maxBytes: 50_000 });
  // Another service, without settings of its own, leaves it so.
  await bus.ensureTopology();
  replay();
  await toldAre('y', 'caught up');
});
