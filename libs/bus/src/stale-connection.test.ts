import { MAX_BODY_BYTES } from '@jspolicy/contracts';
import { createLogger } from '@jspolicy/runtime';
import { natsForTest, type TestNats } from '@jspolicy/testing';
import { afterAll, expect, test } from 'vitest';
import { type Bus, connectBus } from './index.ts';

const DEADLINE_MS = 120_000;
const log = createLogger({ service: 'test', level: 'silent' });
const stops: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const stop of stops.reverse()) await stop();
});

async function connect(servers: string): Promise<Bus> {
  const bus = await connectBus({ servers, name: 'test', log });
  stops.push(() => bus.close());
  return bus;
}

/** One who says which server it is asked through. */
async function serverThatTells(name: string): Promise<TestNats> {
  const nats = await natsForTest();
  stops.push(() => nats.stop());
  const body = new TextEncoder().encode(name);
  (await connect(nats.url)).serve('t.where', 'q', async () => ({ status: 200, body, headers: {} }));
  return nats;
}

test('a server that is cut off while much is being sent to it is left for another one', async () => {
  const servers = { one: await serverThatTells('one'), other: await serverThatTells('other') };
  const bus = await connect(`${servers.one.url},${servers.other.url}`);
  const ask = async () => {
    const { body } = await bus.request('t.where', new Uint8Array(), { deadlineMs: DEADLINE_MS });
    return new TextDecoder().decode(body) as keyof typeof servers;
  };
  const first = await ask();
  servers[first].kill('SIGSTOP');
  // More than what lies between takes: the client cannot write any more.
  const unread = Array.from({ length: 4 }, () =>
    bus.request('t.nobody', new Uint8Array(MAX_BODY_BYTES), { deadlineMs: 1_000 }).catch(() => undefined),
  );
  try {
    expect([first, await ask()].sort()).toEqual(['one', 'other']);
  } finally {
    servers[first].kill('SIGCONT');
    await Promise.all(unread);
  }
});
