import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startProcess, withTempDir } from '@jspolicy/testing';
import { expect, test } from 'vitest';
import { lockData } from './data-lock.ts';

const inUse = /is in use by process \d+: another `jspolicy up` runs on it/;

test('one at a time', () =>
  withTempDir(async (dir) => {
    const file = join(dir, 'lock');
    const lock = await lockData(file, dir);
    await expect(lockData(file, dir)).rejects.toThrow(inUse);
    await lock.release();
    await (await lockData(file, dir)).release();
  }));

test('two that find the lock of a dead one at the same time do not both get it', () =>
  withTempDir(async (dir) => {
    const file = join(dir, 'lock');
    const dead = await startProcess(process.execPath, ['-e', '']);
    await dead.exited;
    await writeFile(file, JSON.stringify({ pid: dead.pid, started: 'long ago' }));
    const got = await Promise.allSettled(Array.from({ length: 8 }, () => lockData(file, dir)));
    expect(got.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  }));
