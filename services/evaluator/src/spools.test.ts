import { appendFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createLogger } from '@jspolicy/runtime';
import { startProcess, withTempDir } from '@jspolicy/testing';
import { expect, test } from 'vitest';
import type { Spooled } from './spool.ts';
import { Spools } from './spools.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const open = (dir: string) => Spools.open({ dir, maxBytes: 1024 * 1024, log });
const message = (id: string): Spooled => ({ subject: 's', id, body: JSON.stringify({ id }) });

async function drained(spools: Spools): Promise<string[]> {
  const ids: string[] = [];
  await spools.drain(async ({ id }) => void ids.push(id));
  return ids;
}

/** Another process with a spool of its own and these messages in it. */
const other = (dir: string, ...ids: string[]) =>
  startProcess(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `const { Spools } = await import(${JSON.stringify(join(import.meta.dirname, '../dist/spools.js'))});
       const log = { info() {}, warn() {} };
       const spools = await Spools.open({ dir: ${JSON.stringify(dir)}, maxBytes: 1e6, log });
       for (const id of ${JSON.stringify(ids)}) await spools.append({ subject: 's', id, body: '{}' });
       console.log('kept');
       setInterval(() => {}, 1000);`,
    ],
    { readyWhen: /kept/ },
  );

test('what a process that was killed left is sent before one’s own, once; a living one keeps its own', () =>
  withTempDir(async (dir) => {
    const killed = await other(dir, 'a', 'b');
    const living = await other(dir, 'living');
    killed.kill('SIGKILL');
    await killed.exited;
    const spools = await open(dir);
    expect(spools.empty).toBe(false);
    await spools.append(message('c'));
    expect(await drained(spools)).toEqual(['a', 'b', 'c']);
    expect(spools.empty).toBe(true);
    expect(await drained(spools)).toEqual([]);
    living.kill('SIGKILL');
    await living.exited;
    const next = await open(dir);
    expect(await drained(next)).toEqual(['living']);
    await spools.close();
    await next.close();
    expect(await readdir(dir)).toEqual([]);
  }));

test('of several that find it, one sends it', () =>
  withTempDir(async (dir) => {
    const killed = await other(dir, 'a', 'b', 'c');
    killed.kill('SIGKILL');
    await killed.exited;
    const all = await Promise.all(Array.from({ length: 4 }, () => open(dir)));
    const sent = (await Promise.all(all.map(drained))).flat();
    expect(sent.sort()).toEqual(['a', 'b', 'c']);
    for (const each of all) await each.close();
    expect(await readdir(dir)).toEqual([]);
  }));

test('what could not be sent before the end is the next one’s; so is what a crash cut off in the middle', () =>
  withTempDir(async (dir) => {
    const first = await open(dir);
    for (const id of ['a', 'b']) await first.append(message(id));
    const notTaken = first.drain(() => Promise.reject(new Error('not taken')));
    await expect(notTaken).rejects.toThrow('not taken');
    await first.close();
    await first.close();
    const [name] = await readdir(dir);
    const [file] = await readdir(join(dir, name ?? ''));
    await appendFile(join(dir, name ?? '', file ?? ''), '{"subject": "s", "id"');
    const second = await open(dir);
    expect(await drained(second)).toEqual(['a', 'b']);
    await second.close();
  }));
