import {
  BUS_SERVICES,
  type BusService,
  bundleDigest,
  busPermissions,
  inboxPrefix,
  type PolicyRecord,
  VIOLATIONS_STREAM,
  WORK_STREAM,
  type WorkMessage,
} from '@jspolicy/contracts';
import { createLogger } from '@jspolicy/runtime';
import { natsForTest, type TestNats, waitFor } from '@jspolicy/testing';
import { AckPolicy, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { connect } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Bus, connectBus, type ReadOptions } from './index.ts';

const DURABLE = 'audit';
const COUNT = 150;
const WORK: WorkMessage = {
  schema: 1,
  policy: 'a',
  policyUid: 'u',
  generation: 1,
  digest: 'd',
  object: {
    group: '',
    version: 'v1',
    kind: 'ConfigMap',
    resource: 'configmaps',
    namespaced: true,
    namespace: 'team',
    name: 'one',
  },
  seen: { resourceVersion: '1', gone: false },
};
let nats: TestNats;
let bus: Bus;
let admin: NatsConnection;

beforeAll(async () => {
  const users = BUS_SERVICES.map((user) => ({ user, password: user, permissions: busPermissions(user) }));
  nats = await natsForTest({
    config: `authorization: ${JSON.stringify({ users: [...users, { user: 'admin', password: 'admin' }] })}`,
  });
  bus = await busOf('admin');
  admin = await connect({ servers: nats.url, user: 'admin', pass: 'admin' });
  await bus.ensureTopology();
  const { consumers } = await jetstreamManager(admin);
  await consumers.add(VIOLATIONS_STREAM, { durable_name: DURABLE, ack_policy: AckPolicy.Explicit });
  for (let i = 0; i < COUNT; i++) await publish(i);
});
afterAll(async () => {
  await bus?.close();
  await admin?.close();
  await nats?.stop();
});

/** What the server said to buses by itself. */
const errors: string[] = [];

function busOf(user: string, service?: BusService): Promise<Bus> {
  const error = ({ err }: { err: Error }) => errors.push(err.message);
  return connectBus({
    servers: nats.url,
    security: { natsUser: user, natsPassword: user },
    name: 'test',
    ...(service && { service }),
    log: Object.assign(createLogger({ service: 'test', level: 'silent' }), { error }),
  });
}

const publish = (i: number) =>
  bus.publish(`jspolicy.v1.violations.${i % 3 === 0 ? 'third' : 'other'}`, new TextEncoder().encode(`${i}`), {
    id: `${i}`,
    timeoutMs: 5_000,
  });

/** What the server says to it: its refusals come before its answer to a ping. */
async function told(service: BusService, act: (connection: NatsConnection) => unknown): Promise<string[]> {
  const [user, pass] = [service, service];
  const connection = await connect({ servers: nats.url, user, pass, inboxPrefix: inboxPrefix(service) });
  const refusals: string[] = [];
  const listening = (async () => {
    for await (const status of connection.status()) if (status.type === 'error') refusals.push(status.error.message);
  })();
  act(connection);
  await connection.flush();
  await connection.close();
  await listening;
  return refusals;
}

const CREATE = `$JS.API.CONSUMER.CREATE.${VIOLATIONS_STREAM}`;
const EVALUATE = 'jspolicy.v1.evaluate.*';

describe('the server refuses', () => {
  test.each<[BusService, string]>([
    ['cli', `$JS.API.CONSUMER.DELETE.${VIOLATIONS_STREAM}.${DURABLE}`],
    ['cli', `$JS.API.CONSUMER.MSG.NEXT.${VIOLATIONS_STREAM}.${DURABLE}`],
    ['cli', `$JS.API.CONSUMER.DURABLE.CREATE.${VIOLATIONS_STREAM}.${DURABLE}`],
    // The server takes a name in the body too: this changes a consumer of another.
    ['cli', CREATE],
    ['cli', `${CREATE}.${DURABLE}`],
    ['cli', `${CREATE}.${DURABLE}.jspolicy.v1.violations.>`],
    ['cli', `$JS.ACK.${VIOLATIONS_STREAM}.${DURABLE}.1.1.1.1.0`],
    ['evaluator', `$JS.API.CONSUMER.DELETE.${WORK_STREAM}.work_a`],
    ['evaluator', `$JS.API.CONSUMER.CREATE.${WORK_STREAM}`],
    ['evaluator', `$JS.API.CONSUMER.CREATE.${WORK_STREAM}.work_a`],
    ['evaluator', `$JS.API.CONSUMER.DURABLE.CREATE.${WORK_STREAM}.work_a`],
    ['evaluator', `$JS.API.CONSUMER.DELETE.${VIOLATIONS_STREAM}.${DURABLE}`],
    ['evaluator', '$JS.API.CONSUMER.CREATE.KV_JSPOLICY_POLICIES'],
    ['evaluator', '$JS.API.CONSUMER.MSG.NEXT.KV_JSPOLICY_POLICIES.watch'],
    ['evaluator', '$JS.API.CONSUMER.NAMES.KV_JSPOLICY_POLICIES'],
    ['controller', `$JS.API.CONSUMER.CREATE.${WORK_STREAM}.work_a.jspolicy.v1.work.a.>`],
    ['audit', `$JS.API.CONSUMER.MSG.NEXT.${WORK_STREAM}.work_a`],
    ['gateway', '$JS.API.INFO'],
    ['compiler', '$JS.API.INFO'],
  ])('the %s: %s', async (service, subject) => {
    expect(await told(service, (connection) => connection.publish(subject, '{}'))).toEqual([
      expect.stringMatching(/^Permissions Violation for Publish/),
    ]);
  });

  const strangers = BUS_SERVICES.flatMap((service) =>
    [
      '>',
      '_INBOX.>',
      ...BUS_SERVICES.filter((other) => other !== service).map((other) => `${inboxPrefix(other)}.>`),
    ].map((subject): [BusService, string] => [service, subject]),
  );
  test.each([...strangers, ['evaluator', EVALUATE] as const])('the %s that listens to %s', async (service, subject) => {
    expect(await told(service, (connection) => connection.subscribe(subject))).toEqual([
      expect.stringMatching(/^Permissions Violation for Subscription/),
    ]);
  });

  test('nothing of what a service needs', async () => {
    expect(await told('cli', (connection) => connection.subscribe(`${inboxPrefix('cli')}.a`))).toEqual([]);
    const queue = { queue: 'evaluators' };
    expect(await told('evaluator', (connection) => connection.subscribe(EVALUATE, queue))).toEqual([]);
  });
});

test('the command line reads the record of violations, and leaves nothing there', async () => {
  const cli = await busOf('cli', 'cli');
  const read = async (options: Partial<ReadOptions>) => {
    const bodies: string[] = [];
    const reading = cli.read({ stream: VIOLATIONS_STREAM, follow: false, ...options });
    for await (const { body } of reading) bodies.push(new TextDecoder().decode(body));
    return bodies;
  };
  const numbers = Array.from({ length: COUNT }, (_, i) => `${i}`);
  const times: Date[] = [];
  for await (const { time } of cli.read({ stream: VIOLATIONS_STREAM, follow: false })) times.push(time);
  expect(await read({})).toEqual(numbers);
  expect(await read({ subject: 'jspolicy.v1.violations.third' })).toEqual(numbers.filter((_, i) => i % 3 === 0));
  expect(await read({ subject: 'jspolicy.v1.violations.none' })).toEqual([]);
  expect(await read({ since: 'now' })).toEqual([]);
  const since = times[100] as Date;
  expect(await read({ since })).toEqual(numbers.filter((_, i) => (times[i] as Date) >= since));
  const { consumers } = await jetstreamManager(admin);
  const names: string[] = [];
  for await (const { name } of consumers.list(VIOLATIONS_STREAM)) names.push(name);
  expect(names).toEqual([DURABLE]);
  await cli.close();
});

test('the controller keeps policies and bundles, and evaluators read them', async () => {
  const [controller, evaluator] = [await busOf('controller', 'controller'), await busOf('evaluator', 'evaluator')];
  const about = { isolation: 'request', isolationReason: '', preludeLength: 0, form: 'script' } as const;
  const script = { ...about, hostCalls: [], script: 'x' };
  const bundle = { ...script, digest: bundleDigest(script) };
  await controller.bundles.put(bundle);
  expect(await controller.bundles.digests()).toEqual([bundle.digest]);
  expect((await evaluator.bundles.get(bundle.digest))?.script).toBe('x');
  await controller.bundles.remove(bundle.digest);
  await controller.policies.put({ schema: 1, name: 'a.example.com' } as PolicyRecord);
  expect(await evaluator.policies.names()).toEqual(['a.example.com']);
  const work = await evaluator.work.consume({ policy: 'a', parallel: 1, handler: async () => ({ kind: 'done' }) });
  await controller.work.put(WORK, { id: 'work', timeoutMs: 5_000 });
  await waitFor(async () => (await controller.work.waiting('a')) === 0, { what: 'the work to be done' });
  await work.stop();
  await Promise.all([controller.close(), evaluator.close()]);
  expect(errors).toEqual([]);
});

test('audit takes violations, delivers them to sinks, and reads them anew', async () => {
  const audit = await busOf('audit', 'audit');
  const seen = { status: [] as number[], sink: [] as number[], reports: [] as number[] };
  const stream = VIOLATIONS_STREAM;
  const status = await audit.consume({
    stream,
    durable: DURABLE,
    batch: 100,
    handler: async (messages) => void seen.status.push(...messages.map(({ sequence }) => sequence)),
  });
  const sink = await audit.deliveries.begin({
    stream,
    durable: 'sink',
    subjects: ['jspolicy.v1.violations.third'],
    start: 'All',
    batch: { maxEvents: 100, maxBytes: 1_000_000, maxWaitMs: 0 },
    paused: false,
    onTurn: () => undefined,
    handler: async ({ messages, settle }) => {
      seen.sink.push(...messages.map(({ sequence }) => sequence));
      messages.forEach(settle);
    },
  });
  const reports = audit.replay({
    stream,
    handler: ({ sequence }) => void seen.reports.push(sequence),
    onCaughtUp: () => undefined,
  });
  const all = (places: number[], count: number) =>
    waitFor(() => new Set(places).size === count, { what: 'every violation' });
  await Promise.all([all(seen.status, COUNT), all(seen.sink, COUNT / 3), all(seen.reports, COUNT)]);
  for (const each of [status, sink, reports]) await each.stop();
  expect((await audit.deliveries.names(stream)).includes('sink')).toBe(true);
  await audit.deliveries.remove(stream, 'sink');
  await audit.close();
  expect(errors).toEqual([]);
});
