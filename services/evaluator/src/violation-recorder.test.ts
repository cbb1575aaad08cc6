import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Bus, connectBus } from '@jspolicy/bus';
import {
  MAX_PAYLOAD_BYTES,
  VIOLATION_EVENT_TYPE,
  VIOLATIONS_STREAM,
  type ViolationEvent,
  violationSubject,
} from '@jspolicy/contracts';
import { createLogger, createMetrics } from '@jspolicy/runtime';
import { natsForTest, type TempDir, type TestNats, tempDir, waitFor } from '@jspolicy/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { evaluatorMetrics } from './evaluator-metrics.ts';
import { Spool } from './spool.ts';
import type { PutAside } from './spool-aside.ts';
import { ViolationRecorder } from './violation-recorder.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const MIB = 1024 * 1024;
let nats: TestNats;
let dir: TempDir;
let bus: Bus;
let received: string[];

beforeEach(async () => {
  nats = await natsForTest();
  dir = await tempDir();
  bus = await connectBus({ servers: nats.url, name: 'test', log });
  await bus.ensureTopology();
  received = [];
});
afterEach(async () => {
  await bus.close();
  await nats.stop();
  await dir.remove();
});

const event = (id: string): ViolationEvent => ({
  specversion: '1.0',
  id,
  source: '/clusters/test',
  type: VIOLATION_EVENT_TYPE,
  subject: 'v1/Pod/shop/web',
  time: '2026-03-04T05:06:07.891Z',
  datacontenttype: 'application/json',
  data: {
    policy: 'p.example.com',
    policyUid: 'u',
    revision: 1,
    type: 'Validating',
    action: 'Deny',
    code: 403,
    request: {},
    user: {},
    object: {},
    dryRun: false,
    evaluator: 'e',
  },
});

async function recorder(maxBytes = MIB, metrics = createMetrics(), logger = log): Promise<ViolationRecorder> {
  const spool = await Spool.open(dir.path, maxBytes);
  return new ViolationRecorder({ bus, spool, log: logger, metrics: evaluatorMetrics(metrics) });
}

async function receivedAre(ids: string[]): Promise<void> {
  await waitFor(() => bus.connected, { what: 'NATS to be back' });
  const handler = async (messages: { body: Uint8Array }[]) => {
    for (const { body } of messages) received.push((JSON.parse(new TextDecoder().decode(body)) as ViolationEvent).id);
  };
  const running = await bus.consume({ stream: VIOLATIONS_STREAM, durable: 'test', batch: 10, handler });
  await waitFor(() => received.length >= ids.length, { what: `${ids.length} violations` });
  await running.stop();
  expect(received).toEqual(ids);
}

test('a violation is in the stream when record() resolves, once for each id', async () => {
  const recording = await recorder();
  const ids: string[] = [];
  const isInStream = async () => {
    const id = `id-${ids.push('')}`;
    ids[ids.length - 1] = id;
    await recording.record(event(id), 60_000);
    return (await Spool.open(dir.path, MIB)).empty;
  };
  // One that a slow machine put on the disk is sent too, a moment later.
  await waitFor(isInStream, { what: 'a violation that does not wait on the disk' });
  await recording.record(event('b'), 60_000);
  await recording.record(event(ids[0] ?? ''), 60_000);
  await recording.stop();
  await receivedAre([...ids, 'b']);
});

test('without NATS it is on the disk, and reaches the stream in its order when NATS is back', async () => {
  const recording = await recorder();
  await recording.record(event('a'), 60_000);
  nats.kill('SIGKILL');
  await recording.record(event('b'), 200);
  await recording.record(event('c'), 200);
  expect((await Spool.open(dir.path, MIB)).empty).toBe(false);
  await nats.restart();
  await receivedAre(['a', 'b', 'c']);
  await recording.stop();
  expect((await Spool.open(dir.path, MIB)).empty).toBe(true);
});

test('what a process that ended left behind is sent by the next one', async () => {
  const first = await recorder();
  await first.record(event('a'), 0);
  const second = await recorder();
  second.start();
  await receivedAre(['a']);
  await second.stop();
});

test('who ends goes on for a while to send what waits: the disk may go with the Pod', async () => {
  const spool = await Spool.open(dir.path, MIB);
  const metrics = evaluatorMetrics(createMetrics());
  const recording = new ViolationRecorder({ bus, spool, log, metrics, lastDrainMs: 600_000 });
  nats.kill('SIGKILL');
  await waitFor(() => !bus.connected, { what: 'the connection to be lost' });
  await recording.record(event('a'), 200);
  const stopped = recording.stop();
  await nats.restart();
  await stopped;
  expect(spool.empty).toBe(true);
  await receivedAre(['a']);
});

test('what a full spool cannot take is counted, and each loss told', async () => {
  const metrics = createMetrics();
  const lost: unknown[] = [];
  const telling = createLogger({ service: 'test', level: 'silent' });
  telling.error = (fields: unknown) => void lost.push(fields);
  const recording = await recorder(1_000, metrics, telling);
  nats.kill('SIGKILL');
  for (const id of ['a', 'b', 'c']) await recording.record(event(id), 200);
  const spooled = async () => (await metrics.registry.metrics()).includes('jspolicy_violations_spooled_total 1');
  await waitFor(spooled, { what: 'the first to be on the disk' });
  expect(lost).toEqual(['b', 'c'].map((id) => ({ policy: 'p.example.com', id })));
  const text = await metrics.registry.metrics();
  expect(text).toContain('jspolicy_violations_lost_total 2');
  expect(text).toContain('jspolicy_violations_emitted_total 3');
  await nats.restart();
  await receivedAre(['a']);
  await recording.stop();
  expect(await metrics.registry.metrics()).toContain('jspolicy_violation_spool_bytes 0');
});

test('what the server refuses for good is put aside, and does not hold up the others', async () => {
  const told: PutAside[] = [];
  const spool = await Spool.open(join(dir.path, 'spool'), 32 * MIB, (put) => told.push(put));
  const huge = event('huge');
  huge.data.message = 'x'.repeat(MAX_PAYLOAD_BYTES);
  for (const each of [huge, event('two\nlines'), event('b')])
    await spool.append({ subject: violationSubject('p.example.com'), id: each.id, body: JSON.stringify(each) });
  const recording = new ViolationRecorder({ bus, spool, log, metrics: evaluatorMetrics(createMetrics()) });
  recording.start();
  await receivedAre(['b']);
  await recording.stop();
  expect(told.map(({ lines, reason }) => ({ lines, reason }))).toEqual([
    { lines: 1, reason: expect.stringMatching(/^refused for good: .*max_payload/) },
    { lines: 1, reason: expect.stringMatching(/^refused for good: .*header/) },
  ]);
});

test('a line that is no violation does not hold up those behind it', async () => {
  const path = join(dir.path, 'spool');
  await mkdir(path);
  await writeFile(join(path, '000000000000.ndjson'), '{}\n42\n{"subject":"nobody.has.it","id":"i","body":"{}"}\n');
  const told: PutAside[] = [];
  const spool = await Spool.open(path, MIB, (put) => told.push(put));
  const recording = new ViolationRecorder({ bus, spool, log, metrics: evaluatorMetrics(createMetrics()) });
  await recording.record(event('a'), 60_000);
  await receivedAre(['a']);
  await recording.stop();
  expect(told.map(({ lines }) => lines)).toEqual([3]);
});

test('trouble that is worth waiting for is told when it begins and when it ends', async () => {
  const lines: string[] = [];
  const telling = createLogger({ service: 'test', level: 'silent' });
  telling.warn = (_fields: unknown, text?: string) => void lines.push(text ?? '');
  telling.info = (text: unknown) => void lines.push(String(text));
  const recording = await recorder(MIB, createMetrics(), telling);
  nats.kill('SIGKILL');
  await waitFor(() => !bus.connected, { what: 'the connection to be lost' });
  await recording.record(event('a'), 200);
  await waitFor(() => lines.length > 0, { what: 'the trouble to be told' });
  await nats.restart();
  await receivedAre(['a']);
  await waitFor(() => lines.includes('violations that waited on the disk are sent'), { what: 'its end to be told' });
  expect(lines[0]).toBe('violations wait on the disk');
  expect(lines.at(-1)).toBe('violations that waited on the disk are sent');
  await recording.stop();
});
