import { execFileSync } from 'node:child_process';
import { appendFile, link, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withTempDir } from '@jspolicy/testing';
import { expect, test } from 'vitest';
import { contextFor, inTime, sinkEvents } from '../events.test-part.ts';
import { openSink } from '../index.ts';

const MIB = 1024 * 1024;
const [line = ''] = sinkEvents(1).map(({ json }) => json);
const full = `${line.padEnd(MIB - 1)}\n`;
const linesOf = async (path: string) => (await readFile(path, 'utf8')).split('\n').slice(0, -1);
const jsonOf = (from: number, to: number) =>
  sinkEvents(to)
    .slice(from - 1)
    .map(({ json }) => json);

const opened = (dir: string, path: string, settings: object = {}) =>
  openSink('file', { path, maxMiB: 1, maxFiles: 3, ...settings }, contextFor({ fileDirectory: dir }));

async function writeOne(dir: string, path: string, settings: object = {}): Promise<void> {
  const sink = await opened(dir, path, settings);
  await sink.write(sinkEvents(1), inTime()).finally(() => sink.close());
}

test('a file goes on where it ended, without what a crash cut', () =>
  withTempDir(async (dir) => {
    const path = join(dir, 'a/violations.ndjson');
    const first = await opened(dir, path);
    await first.write(sinkEvents(2), inTime());
    await first.close();
    await appendFile(path, '{"specversion":"1.0","id":"3.no-la');
    const second = await opened(dir, 'a/violations.ndjson');
    await second.write(sinkEvents(3).slice(2), inTime());
    await second.close();
    expect(await linesOf(path)).toEqual(jsonOf(1, 3));
  }));

test('a folder that cannot be made is an error at once, one that is missing is made', () =>
  withTempDir(async (dir) => {
    await expect(opened('/proc/nope/below', 'x.ndjson')).rejects.toThrow('ENOENT');
    await writeOne(join(dir, 'a/b'), 'c/violations.ndjson');
    expect(await linesOf(join(dir, 'a/b/c/violations.ndjson'))).toEqual(jsonOf(1, 1));
  }));

test('a pipe is refused like any file of somebody else', () =>
  withTempDir(async (dir) => {
    const path = join(dir, 'pipe');
    execFileSync('mkfifo', [path]);
    await expect(opened(dir, path)).rejects.toThrow('is no file of violations');
  }));

test('a full file is rotated, and the oldest goes', () =>
  withTempDir(async (dir) => {
    const path = join(dir, 'violations.ndjson');
    const older = '{"specversion":"1.0","id":"older"}\n';
    await writeFile(path, full);
    await writeFile(`${path}.1`, older);
    await writeFile(`${path}.2`, '{"specversion":"1.0","id":"oldest"}\n');
    await writeOne(dir, path);
    expect(await linesOf(path)).toEqual(jsonOf(1, 1));
    expect(await readFile(`${path}.1`, 'utf8')).toBe(full);
    expect(await readFile(`${path}.2`, 'utf8')).toBe(older);
  }));

test('a single file begins anew when it is full', () =>
  withTempDir(async (dir) => {
    await writeFile(join(dir, 'one'), full);
    await writeOne(dir, 'one', { maxFiles: 1 });
    expect(await linesOf(join(dir, 'one'))).toEqual(jsonOf(1, 1));
  }));

test.each([['/etc/passwd'], ['../outside'], ['a/../../outside'], ['.'], ['']])(
  '%j is not below the directory',
  (path) =>
    withTempDir(async (dir) => {
      await expect(writeOne(dir, path)).rejects.toThrow(`path must be below ${dir}, which SINK_FILE_DIR of audit sets`);
    }),
);

test('links do not lead out of the directory', () =>
  withTempDir(async (dir) => {
    const [inside, outside] = [join(dir, 'inside'), join(dir, 'outside')];
    for (const each of [inside, outside]) await mkdir(each);
    await writeFile(join(outside, 'file'), 'precious');
    await symlink(outside, join(inside, 'folder'));
    await symlink(join(outside, 'file'), join(inside, 'link'));
    await link(join(outside, 'file'), join(inside, 'hard'));
    await expect(writeOne(inside, 'folder/file')).rejects.toThrow('is no folder');
    await expect(writeOne(inside, 'link')).rejects.toThrow('ELOOP');
    await expect(writeOne(inside, 'hard')).rejects.toThrow('is no file of violations: it is left as it is');
    expect(await readFile(join(outside, 'file'), 'utf8')).toBe('precious');
  }));

test.each([['violations'], ['violations.1'], ['violations.2']])(
  'a foreign file stays as it is where %s is one',
  (name) =>
    withTempDir(async (dir) => {
      await writeFile(join(dir, 'violations'), full);
      await writeFile(join(dir, name), `${'x'.repeat(MIB)}no line`);
      await expect(writeOne(dir, 'violations')).rejects.toThrow(
        `${name} is no file of violations: it is left as it is`,
      );
      expect(await readFile(join(dir, name), 'utf8')).toBe(`${'x'.repeat(MIB)}no line`);
    }),
);
