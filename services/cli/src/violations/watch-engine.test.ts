import { type Bus, connectBus } from '@jspolicy/bus';
import { createLogger } from '@jspolicy/runtime';
import { natsForTest, type TestNats, waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { watchEngine } from './watch-engine.ts';

let nats: TestNats;
let bus: Bus;

beforeAll(async () => {
  nats = await natsForTest();
  bus = await connectBus({ servers: nats.url, name: 'cli', log: createLogger({ service: 'cli', level: 'silent' }) });
});
afterAll(async () => {
  await bus?.close();
  await nats?.stop();
});

test('who follows is told when NATS is lost and when it is back', async () => {
  const notes: string[] = [];
  const stopping = new AbortController();
  const engine = { natsUrl: nats.url, foreign: true, ended: async () => false };
  const terminal = { print: () => undefined, note: (text: string) => void notes.push(text) };
  const watching = watchEngine({ engine, bus, signal: stopping.signal }, terminal);
  nats.kill('SIGKILL');
  const lost = `the connection to NATS at ${nats.url} is lost, waiting for it`;
  await waitFor(() => notes.includes(lost), { what: 'the loss to be told' });
  await nats.restart();
  await waitFor(() => notes.length > 1, { what: 'NATS to be back' });
  stopping.abort();
  expect(await watching).toBe(false);
  expect(notes).toEqual([lost, 'NATS is reached again']);
});
