import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type NatsServer, type NatsServerOptions, startNatsServer } from './nats-server.ts';

let storeDir: string;
const started: NatsServer[] = [];

beforeEach(async () => {
  storeDir = await mkdtemp(join(tmpdir(), 'jspolicy-servers-'));
});
afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.stop()));
  await rm(storeDir, { recursive: true });
});

async function start(options: Partial<NatsServerOptions> = {}): Promise<NatsServer> {
  const onProgress = (line: string) => void process.stderr.write(`${line}\n`);
  const server = await startNatsServer({ storeDir, onProgress, ...options });
  started.push(server);
  return server;
}

/** What a server tells everybody who connects. */
function greeting(port: number): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1').once('error', reject);
    socket.once('data', (data) => {
      socket.destroy();
      resolve(JSON.parse(data.toString().replace('INFO ', '')));
    });
  });
}

test('serves JetStream and a review of 8 MiB with its headers when it resolves, and ends twice', async () => {
  const server = await start();
  expect(await greeting(server.port)).toMatchObject({ jetstream: true, max_payload: (8 * 1024 + 64) * 1024 });
  expect(await readFile(server.logFile, 'utf8')).toContain('Server is ready');
  await server.stop();
  await server.stop();
  await expect(greeting(server.port)).rejects.toThrow('ECONNREFUSED');
});

test('comes back at the same URL after it was killed', async () => {
  const first = await start();
  first.kill('SIGKILL');
  expect(await first.exited).toEqual({ code: null, signal: 'SIGKILL' });
  const second = await start({ port: first.port });
  expect(second.url).toBe(first.url);
  expect(second.pid).not.toBe(first.pid);
  await greeting(second.port);
});

test('says in its own words why it did not start', async () => {
  const { port } = await start();
  const taken = startNatsServer({ storeDir: join(storeDir, 'other'), port });
  await expect(taken).rejects.toMatchObject({
    code: 'SERVER_NOT_STARTED',
    message: expect.stringMatching(/nats-server ended with 1 before it served.*\n(.*\n)*.*address already in use/),
  });
});
