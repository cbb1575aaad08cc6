import { existsSync } from 'node:fs';
import { appendFile, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findServer } from '@jspolicy/servers';
import { startProcess, tempDir, waitFor } from '@jspolicy/testing';
import { expect, onTestFinished, test } from 'vitest';
import { CHART_DIR } from './generated-files.ts';

const PROGRAM = join(CHART_DIR, 'files/only-writer.mjs');
/** Longer than any test: only the end of the other server lets it go on. */
const NEVER = 3_600;
/** Longer than a slow machine leaves between two writes. */
const REST_SECONDS = 60;

async function folder(): Promise<string> {
  const { path, remove } = await tempDir();
  onTestFinished(remove);
  return path;
}

async function start(mark: string, store: string, restSeconds: number) {
  const env = { MARK: mark, STORE_DIR: store, REST_SECONDS: String(restSeconds) };
  const child = await startProcess(process.execPath, [PROGRAM], { env });
  onTestFinished(() => child.stop());
  return child;
}
const ended = (child: Awaited<ReturnType<typeof start>>) =>
  waitFor(() => child.exit, { what: `the end of ${PROGRAM}` });

async function natsServer(dir: string) {
  const config = join(dir, 'nats.conf');
  await writeFile(config, `listen: "127.0.0.1:-1"\nports_file_dir: "${dir}"\njetstream { store_dir: "${dir}" }\n`);
  const server = await startProcess(await findServer('nats-server'), ['--config', config], {
    readyWhen: /Server is ready/,
  });
  onTestFinished(() => server.stop());
  const ports = async () => (await readdir(dir)).find((name) => name.endsWith('.ports'));
  return { server, mark: join(dir, await waitFor(ports, { what: 'its file of ports' })) };
}

test('the first server, and one after a server that ended in order, do not wait', async () => {
  const dir = await folder();
  const mark = join(dir, 'mark');
  const child = await start(mark, join(dir, 'jetstream'), NEVER);
  expect(await ended(child)).toMatchObject({ code: 0 });
  expect(existsSync(mark)).toBe(true);
});

test('it waits while another server runs, goes on when that ends in order, and leaves a mark of its own', async () => {
  const dir = await folder();
  const { server, mark } = await natsServer(dir);
  const child = await start(mark, join(dir, 'jetstream'), NEVER);
  await waitFor(() => child.lines.some((line) => line.includes('did not end in order')), { what: 'it to wait' });
  expect(child.exit).toBeUndefined();
  await server.stop();
  expect(await ended(child)).toMatchObject({ code: 0 });
  expect(child.lines.at(-1)).toMatch(/^ended in order/);
  expect(existsSync(mark)).toBe(true);
});

test('a server that is killed leaves its mark: the store has to be at rest', async () => {
  const dir = await folder();
  const { server, mark } = await natsServer(dir);
  process.kill(server.pid, 'SIGKILL');
  await waitFor(() => server.exit, { what: 'its end' });
  const child = await start(mark, join(dir, 'jetstream'), 1);
  expect(await ended(child)).toMatchObject({ code: 0 });
  expect(child.lines.at(-1)).toMatch(/^at rest/);
});

test('it waits as long as the store is written to, and says so', async () => {
  const dir = await folder();
  const store = join(dir, 'jetstream');
  const mark = join(dir, 'mark');
  await mkdir(join(store, 'msgs'), { recursive: true });
  await writeFile(mark, '');
  const child = await start(mark, store, REST_SECONDS);
  const written = async () => {
    await appendFile(join(store, 'msgs', '1.blk'), 'x');
    return child.exit ?? child.lines.some((line) => line.includes('is still written to'));
  };
  expect(await waitFor(written, { what: 'it to say that it waits' })).toBe(true);
  await rm(mark);
  expect(await ended(child)).toMatchObject({ code: 0 });
});
