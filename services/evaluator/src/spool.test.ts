import { appendFile, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withTempDir } from '@jspolicy/testing';
import { expect, test } from 'vitest';
import { Spool, type Spooled } from './spool.ts';
import type { PutAside } from './spool-aside.ts';
import { spooled as message } from './spooled.test-part.ts';

const MIB = 1024 * 1024;

/** Drains into a list; fails before `failBefore`. */
async function drained(spool: Spool, failBefore?: string): Promise<string[]> {
  const ids: string[] = [];
  const send = async ({ id }: Spooled) => {
    if (id === failBefore) throw new Error('not taken');
    ids.push(id);
  };
  await spool.drain(send).catch(() => undefined);
  return ids;
}

test('what is appended is sent in its order, once', () =>
  withTempDir(async (dir) => {
    const spool = await Spool.open(dir, MIB);
    expect(spool.empty).toBe(true);
    await Promise.all(['a', 'b', 'c'].map((id) => spool.append(message(id))));
    expect(spool.empty).toBe(false);
    expect(await drained(spool)).toEqual(['a', 'b', 'c']);
    expect(spool.empty).toBe(true);
    expect(await drained(spool)).toEqual([]);
    expect(await readdir(dir)).toEqual([]);
  }));

test('what could not be sent stays, before what came later, and survives the process', () =>
  withTempDir(async (dir) => {
    const first = await Spool.open(dir, MIB);
    for (const id of ['a', 'b', 'c']) await first.append(message(id));
    expect(await drained(first, 'b')).toEqual(['a']);
    await first.append(message('d'));
    const second = await Spool.open(dir, MIB);
    expect(second.empty).toBe(false);
    expect(await drained(second)).toEqual(['b', 'c', 'd']);
    expect(second.empty).toBe(true);
  }));

test('messages that come while others are sent are sent after them', () =>
  withTempDir(async (dir) => {
    const spool = await Spool.open(dir, MIB);
    await spool.append(message('a'));
    const ids: string[] = [];
    await spool.drain(async ({ id }) => {
      ids.push(id);
      if (id === 'a') await spool.append(message('b'));
    });
    expect(ids).toEqual(['a', 'b']);
  }));

test('a full spool takes no more until there is room', () =>
  withTempDir(async (dir) => {
    const spool = await Spool.open(dir, 400);
    expect(await spool.append(message('a'))).toBe(true);
    expect(await spool.append(message('b'))).toBe(true);
    expect(await spool.append(message('c'))).toBe(false);
    expect(await drained(spool)).toEqual(['a', 'b']);
    expect(await spool.append(message('d'))).toBe(true);
  }));

test('a line that a crash cut off is put aside', () =>
  withTempDir(async (temp) => {
    const dir = join(temp, 'spool');
    const before = await Spool.open(dir, MIB);
    await before.append(message('a'));
    const [file = ''] = await readdir(dir);
    await appendFile(join(dir, file), '{"subject": "s", "id"');
    const after = await Spool.open(dir, MIB);
    await after.append(message('b'));
    expect(await drained(after)).toEqual(['a', 'b']);
    expect(after.empty).toBe(true);
    expect(await readFile(`${dir}.bad`, 'utf8')).toBe('{"subject": "s", "id"\n');
  }));

const line = (change: object) => JSON.stringify({ ...message('x'), ...change });
const BAD = [
  '{}',
  '42',
  'garbage',
  '"{}"',
  line({ id: '' }),
  line({ id: 'another' }),
  line({ subject: 'not a subject' }),
  line({ subject: 'nobody.has.it' }),
  line({ subject: 'jspolicy.v1.violations.q' }),
  line({ body: 'garbage' }),
  line({ body: '{"specversion":"1.0","id":"x","data":{"policy":"no policy"}}' }),
];

test('what is no violation is put aside and told with its file; the others are sent', () =>
  withTempDir(async (temp) => {
    const dir = join(temp, 'spool');
    const told: PutAside[] = [];
    await mkdir(dir);
    const first = join(dir, '000000000000.ndjson');
    const good = (id: string) => JSON.stringify(message(id));
    await writeFile(first, [good('a'), ...BAD, good('b'), ''].join('\n'));
    const spool = await Spool.open(dir, MIB, (put) => told.push(put));
    expect(await drained(spool)).toEqual(['a', 'b']);
    const file = `${dir}.bad`;
    const reason = 'the line is not a message: JSON with subject, id and body';
    expect(told).toEqual([{ file, from: first, lines: BAD.length, reason }]);
    expect((await readFile(file, 'utf8')).trimEnd().split('\n')).toEqual(BAD);
    await spool.remove();
    expect(await readdir(temp)).toEqual(['spool.bad']);
  }));

test('what is put aside is bounded too, and told as lost beyond', () =>
  withTempDir(async (temp) => {
    const dir = join(temp, 'spool');
    const told: PutAside[] = [];
    await mkdir(dir);
    await writeFile(join(dir, '000000000000.ndjson'), `${'x'.repeat(500)}\n${JSON.stringify(message('a'))}\n`);
    const spool = await Spool.open(dir, 400, (put) => told.push(put));
    expect(await drained(spool)).toEqual(['a']);
    expect(told.map(({ file, lines }) => ({ file, lines }))).toEqual([{ file: undefined, lines: 1 }]);
    expect(spool.empty).toBe(true);
  }));

test('what is named like a segment and is no file is not looked at, and not removed', () =>
  withTempDir(async (temp) => {
    const dir = join(temp, 'spool');
    const [directory = '', link = ''] = ['000000000000.ndjson', '000000000001.ndjson'].map((name) => join(dir, name));
    await mkdir(directory, { recursive: true });
    await writeFile(join(temp, 'precious'), 'x');
    await symlink(join(temp, 'precious'), link);
    const spool = await Spool.open(dir, MIB);
    expect(spool.empty).toBe(true);
    expect(await drained(spool)).toEqual([]);
    await expect(spool.remove()).rejects.toThrow();
    expect(await readFile(join(temp, 'precious'), 'utf8')).toBe('x');
    expect(await readdir(directory)).toEqual([]);
  }));

test('many messages are many files, sent in their order; the rest stays through a failure and a crash', () =>
  withTempDir(async (dir) => {
    const spool = await Spool.open(dir, 8 * MIB);
    const ids = Array.from({ length: 2_000 }, (_, index) => `id-${index}`);
    const long = (id: string) => message(id, { message: 'x'.repeat(1_000) });
    await Promise.all(ids.slice(0, 1_000).map((id) => spool.append(long(id))));
    for (const id of ids.slice(1_000)) await spool.append(long(id));
    expect((await readdir(dir)).length).toBeGreaterThan(3);
    expect(spool.bytes).toBeGreaterThan(2_000_000);
    expect(await drained(spool, 'id-900')).toEqual(ids.slice(0, 900));
    const after = await Spool.open(dir, 8 * MIB);
    expect(await drained(after)).toEqual(ids.slice(900));
    expect(await readdir(dir)).toEqual([]);
    expect(after.bytes).toBe(0);
  }));

test('a disk that takes nothing is told, and holds nothing up later', () =>
  withTempDir(async (dir) => {
    const spool = await Spool.open(join(dir, 'spool'), MIB);
    await rm(join(dir, 'spool'), { recursive: true });
    await expect(spool.append(message('a'))).rejects.toThrow('ENOENT');
    expect(spool.empty).toBe(true);
    await mkdir(join(dir, 'spool'));
    await spool.append(message('b'));
    expect(await drained(spool)).toEqual(['b']);
  }));
