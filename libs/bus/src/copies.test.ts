import { createLogger } from '@jspolicy/runtime';
import { freePort, natsForTest, type TestNats, waitFor } from '@jspolicy/testing';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Bus, connectBus } from './index.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const SERVERS = 3;

let servers: TestNats[];
let bus: Bus;
let admin: NatsConnection;

beforeEach(async () => {
  const ports = await Promise.all(Array.from({ length: SERVERS }, () => freePort()));
  const routes = JSON.stringify(ports.map((port) => `nats://127.0.0.1:${port}`));
  const start = (port: number, index: number) =>
    natsForTest({ config: `server_name: s${index}\ncluster { name: test, port: ${port}, routes: ${routes} }` });
  servers = await Promise.all(ports.map(start));
  const urls = servers.map(({ url }) => url);
  bus = await connectBus({ servers: urls.join(','), name: 'test', log });
  admin = await connect({ servers: urls, maxReconnectAttempts: -1 });
});
afterEach(async () => {
  await bus?.close();
  await admin?.close();
  await Promise.all(servers?.map((server) => server.stop()) ?? []);
});

/** By stream. */
async function copies(): Promise<Record<string, number>> {
  const { streams } = await jetstreamManager(admin);
  const all: Record<string, number> = {};
  for await (const { config } of streams.list()) all[config.name] = config.num_replicas;
  return all;
}
const made = () => waitFor(() => bus.ensureTopology().then(() => true), { what: 'the topology' });

test('streams have three copies, also when they are made while the connection is away', async () => {
  for (const server of servers) server.kill('SIGKILL');
  await waitFor(() => !bus.connected, { what: 'the connection to be away' });
  const early = bus.ensureTopology().catch(() => undefined);
  await Promise.all(servers.map((server) => server.restart()));
  await early;
  await made();
  const all = await waitFor(
    async () => {
      const seen = await copies();
      return Object.keys(seen).length === 7 && seen;
    },
    { what: 'all streams' },
  );
  expect(new Set(Object.values(all))).toEqual(new Set([3]));
});

test('a stream that was made with one copy gets the others, once', async () => {
  const manager = await waitFor(() => jetstreamManager(admin), { what: 'JetStream' });
  const one = { name: 'JSPOLICY_WORK', subjects: ['jspolicy.v1.work.>'], num_replicas: 1 };
  await waitFor(() => manager.streams.add(one), { what: 'a stream' });
  await made();
  await waitFor(async () => (await copies())['JSPOLICY_VIOLATIONS'] === 3, { what: 'the other streams' });
  expect(await copies()).toMatchObject({ JSPOLICY_WORK: 1 });
  expect(await bus.ensureCopies('others')).toEqual(['JSPOLICY_WORK']);
  // The list leaves out a stream that is choosing its leader.
  await waitFor(async () => (await copies())['JSPOLICY_WORK'] === 3, { what: 'three copies' });
  expect(await bus.ensureCopies('others')).toEqual([]);
  expect(await bus.ensureCopies('record')).toEqual([]);
});
