import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { appendFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ConfigurationError, createLogger } from '@jspolicy/runtime';
import { startProcess, withTempDir } from '@jspolicy/testing';
import { expect, test } from 'vitest';
import { spooled as message } from './spooled.test-part.ts';
import { Spools } from './spools.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const open = (dir: string) => Spools.open({ dir, maxBytes: 1024 * 1024, log });

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
       for (const message of ${JSON.stringify(ids.map((id) => message(id)))}) await spools.append(message);
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

test('what others have in the directory stays as it is', () =>
  withTempDir(async (dir) => {
    const foreign = ['photos', 'nats-data', 'lost+found', randomUUID()];
    for (const name of foreign) {
      await mkdir(join(dir, name));
      await writeFile(join(dir, name, name.length > 10 ? 'a.jpg' : '000000000000.ndjson'), 'precious');
    }
    await mkdir(join(dir, 'empty'));
    await writeFile(join(dir, 'notes.txt'), 'precious');
    const before = (await readdir(dir, { recursive: true })).sort();
    const spools = await open(dir);
    expect(spools.empty).toBe(true);
    expect(await drained(spools)).toEqual([]);
    await spools.close();
    expect((await readdir(dir, { recursive: true })).sort()).toEqual(before);
  }));

test('a spool of a dead process that cannot be used holds up no other, nor one’s own', () =>
  withTempDir(async (dir) => {
    const [unlockable, unusable] = [randomUUID(), randomUUID()];
    for (const name of [unlockable, unusable]) {
      await mkdir(join(dir, name));
      await writeFile(join(dir, name, '000000000000.ndjson'), `{}\n${JSON.stringify(message('left'))}\n`);
    }
    await mkdir(join(dir, `${unlockable}.lock`));
    // What cannot be sent has nowhere to go.
    await mkdir(join(dir, `${unusable}.bad`));
    const spools = await open(dir);
    await spools.append(message('own'));
    expect(await drained(spools)).toEqual(['left', 'own']);
    await spools.append(message('next'));
    expect(await drained(spools)).toEqual(['next']);
    await spools.close();
    expect(await readFile(join(dir, unusable, '000000000000.ndjson'), 'utf8')).toBe('{}\n');
  }));

test('a directory that cannot be one for spools is wrong configuration', () =>
  withTempDir(async (dir) => {
    const file = join(dir, 'file');
    await writeFile(file, '');
    await expect(open(file)).rejects.toThrow(new ConfigurationError([`SPOOL_DIR ${file} is not a directory (EEXIST)`]));
    await expect(open(join(file, 'below'))).rejects.toBeInstanceOf(ConfigurationError);
    // No user may make anything there, root neither.
    await expect(open('/proc/spool')).rejects.toBeInstanceOf(ConfigurationError);
  }));

test('the evaluator ends with 78 and says why, when SPOOL_DIR is a file', () =>
  withTempDir(async (dir) => {
    const file = join(dir, 'file');
    await writeFile(file, '');
    const main = join(import.meta.dirname, '../dist/main.js');
    const env = { ...process.env, SPOOL_DIR: file, HEALTH_PORT: '0', NATS_URL: 'nats://127.0.0.1:1' };
    const ended = promisify(execFile)(process.execPath, [main], { env });
    await expect(ended).rejects.toMatchObject({
      code: 78,
      stderr: `jspolicy evaluator: wrong configuration\n  SPOOL_DIR ${file} is not a directory (EEXIST)\n`,
    });
  }));
