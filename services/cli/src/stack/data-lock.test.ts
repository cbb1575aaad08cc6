import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startProcess, withTempDir } from '@jspolicy/testing';
import { expect, test } from 'vitest';
import { lockData } from './data-lock.ts';
import { startedAt } from './other-process.ts';

const inUse = /is in use by process \d+: another `jspolicy up` runs on it/;

test('one at a time', () =>
  withTempDir(async (dir) => {
    const file = join(dir, 'lock');
    const lock = await lockData(file, dir);
    await expect(lockData(file, dir)).rejects.toThrow(inUse);
    await lock.release();
    await (await lockData(file, dir)).release();
  }));

test('of a holder that died, or whose pid is another process now, it is taken over', () =>
  withTempDir(async (dir) => {
    const file = join(dir, 'lock');
    const other = await startProcess(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    try {
      const started = await startedAt(other.pid);
      await writeFile(file, JSON.stringify({ pid: other.pid, started }));
      await expect(lockData(file, dir)).rejects.toThrow(inUse);
      await writeFile(file, JSON.stringify({ pid: other.pid, started: `${started} before` }));
      await (await lockData(file, dir)).release();
      await writeFile(file, JSON.stringify({ pid: other.pid, started }));
    } finally {
      await other.stop();
    }
    await lockData(file, dir);
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ pid: process.pid });
  }));

test('a lock that cannot be read is nobody’s', () =>
  withTempDir(async (dir) => {
    const file = join(dir, 'lock');
    await writeFile(file, '');
    await (await lockData(file, dir)).release();
  }));
