import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type PolicyRecord, VIOLATIONS_STREAM, violationSubject } from '@jspolicy/contracts';
import { createLogger } from '@jspolicy/runtime';
import { natsForTest, type TestNats, waitFor } from '@jspolicy/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Bus, connectBus } from './index.ts';

const log = createLogger({ service: 'test', level: 'silent' });
let nats: TestNats;
let bus: Bus;

beforeEach(async () => {
  nats = await natsForTest();
  bus = await connectBus({ servers: nats.url, name: 'test', log });
  await bus.ensureTopology();
});
afterEach(async () => {
  await bus?.close();
  await nats?.stop();
});

/** The server comes back without anything that it held; somebody makes the topology again. */
const loseStorage = async () => {
  await rm(join(nats.storeDir, 'jetstream'), { recursive: true, force: true });
  await nats.restart();
  await waitFor(() => bus.ensureTopology().then(() => true), {
    what: 'the topology to be there again',
  });
};
const record = (name: string): PolicyRecord => ({
  schema: 1,
  name,
  uid: 'u',
  generation: 1,
  type: 'Validating',
  failurePolicy: 'Fail',
  violationPolicy: 'Deny',
  auditPolicy: 'Log',
  auditLogSize: 10,
  timeoutSeconds: 10,
});

test.each([
  ['that had entries', ['old.test.example']],
  ['that was empty', []],
])(
  'a watch of a bucket %s goes on in the one that is made anew, and tells nothing as removed',
  async (_what, before) => {
    for (const name of before) await bus.policies.put(record(name));
    const seen: string[] = [];
    const watch = await bus.policies.watch({
      onPut: ({ name }) => seen.push(name),
      onRemove: (name) => seen.push(`removed ${name}`),
      onSynced: () => seen.push('synced'),
    });
    await waitFor(() => seen.includes('synced'), { what: 'synced' });
    await loseStorage();
    await bus.policies.put(record('new.test.example'));
    await waitFor(() => seen.includes('new.test.example'), { what: 'the new one to be told' });
    expect(seen).toEqual([...before, 'synced', 'new.test.example']);
    await watch.stop();
  },
);

test('a consumer goes on in a stream that is made anew', async () => {
  const handled: number[] = [];
  const consumer = await bus.consume({
    stream: VIOLATIONS_STREAM,
    durable: 'test',
    batch: 10,
    handler: async (messages) => void handled.push(...messages.map(({ body }) => body.length)),
  });
  const publish = (bytes: number) =>
    bus.publish(violationSubject('a.test.example'), new Uint8Array(bytes), { id: `id-${bytes}`, timeoutMs: 60_000 });
  await publish(1);
  await waitFor(() => handled.includes(1), { what: 'the first' });
  await loseStorage();
  await publish(2);
  await waitFor(() => handled.includes(2), { what: 'the second' });
  await consumer.stop();
});
