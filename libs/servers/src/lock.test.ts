import { spawn } from 'node:child_process';
import { utimesSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { withLock } from './lock.ts';

let dir: string;
let file: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'jspolicy-servers-'));
  file = join(dir, 'a.lock');
});
afterEach(() => rm(dir, { recursive: true }));

const quietly = <T>(work: () => Promise<T>) => withLock(file, 'a server', () => {}, work);

test('one at a time, and nothing is left behind', async () => {
  let inside = 0;
  let most = 0;
  const work = async () => {
    most = Math.max(most, ++inside);
    await new Promise(setImmediate);
    inside--;
  };
  await Promise.all(Array.from({ length: 8 }, () => quietly(work)));
  expect(most).toBe(1);
  expect(await readdir(dir)).toEqual([]);
});

test('is free again after work that failed', async () => {
  await expect(quietly(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await quietly(async () => 'yes')).toBe('yes');
});

test('waits for another process, says so, and goes on when that one is killed', async () => {
  const script = `const { withLock } = await import(${JSON.stringify(import.meta.resolve('./lock.ts'))});
    await withLock(${JSON.stringify(file)}, 'a server', () => {}, () => { console.log('held'); return new Promise((r) => setTimeout(r, 60000)); });`;
  const other = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => other.stdout.once('data', resolve));
  const lines: string[] = [];
  const endOther = (line: string) => {
    lines.push(line);
    other.kill('SIGKILL');
  };
  const got = withLock(file, 'a server', endOther, async () => 'mine');
  expect(await got).toBe('mine');
  expect(lines[0]).toContain(`waiting for process ${other.pid} on ${hostname()}, which gets a server`);
});

test('takes over from a holder on another machine only after a long silence', async () => {
  await writeFile(file, JSON.stringify({ pid: 1, host: 'elsewhere', id: 'x' }));
  const longAgo = new Date(Date.now() - 3_600_000);
  const lines: string[] = [];
  const silence = (line: string) => {
    lines.push(line);
    utimesSync(file, longAgo, longAgo);
  };
  await withLock(file, 'a server', silence, async () => {});
  expect(lines[0]).toContain('waiting for process 1 on elsewhere');
});
