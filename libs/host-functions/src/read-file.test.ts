import { execFileSync } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TempDir, tempDir } from '@jspolicy/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { testFunctions } from './host-functions.test-part.ts';

let dir: TempDir;
let files: string;

beforeAll(async () => {
  dir = await tempDir();
  files = join(dir.path, 'files');
  // As a mounted ConfigMap lies there: its files are links to links.
  await mkdir(join(files, '..2026'), { recursive: true });
  await writeFile(join(files, '..2026', 'allowed.json'), '["ä"]');
  await symlink('..2026', join(files, '..data'));
  await symlink('..data/allowed.json', join(files, 'allowed.json'));
  await writeFile(join(files, 'empty'), '');
  await writeFile(join(files, 'large'), Buffer.alloc(10 * 1024 * 1024 + 1, 'x'));
  await writeFile(join(dir.path, 'secret'), 'secret');
  await writeFile(join(dir.path, 'files-beside'), 'secret');
  await symlink('../secret', join(files, 'leak'));
  await symlink('/', join(files, 'root'));
  execFileSync('mkfifo', [join(files, 'pipe')]);
});
afterAll(() => dir.remove());

const read = (...args: unknown[]) => testFunctions({ filesDir: files }).call('readFileSync', ...args);

test('files of the directory, by absolute and relative paths', async () => {
  expect(await read(join(files, 'allowed.json'))).toBe('["ä"]');
  expect(await read('allowed.json')).toBe('["ä"]');
  expect(await read('./..data/../allowed.json')).toBe('["ä"]');
  expect(await read('empty')).toBe('');
});

test('what is no file that can be read is undefined', async () => {
  for (const path of ['missing', '', '.', '..data', 'pipe', 'allowed.json/x', 'a\0b']) {
    expect(await read(path), path).toBeUndefined();
  }
  for (const args of [[], [1], [null], ['allowed.json', 'utf8']]) expect(await read(...args)).toBeUndefined();
});

test('nothing outside of the directory is read, whether it is there or not', async () => {
  const { failure } = testFunctions({ filesDir: files });
  for (const path of [
    '../secret',
    join(dir.path, 'secret'),
    `${files}-beside`,
    '/no/such',
    'leak',
    'root/etc/hostname',
  ]) {
    expect(await failure('readFileSync', path)).toBe(
      `NotGranted: readFileSync(${JSON.stringify(path)}) is not granted: see FILES_DIR of the evaluator`,
    );
  }
});

test('a file that is too large is refused', async () => {
  const { failure } = testFunctions({ filesDir: files });
  expect(await failure('readFileSync', 'large')).toMatch(/^TooLarge: .*larger than 10 MiB$/);
});

test('without a directory nothing is granted', async () => {
  const { call, failure } = testFunctions();
  expect(await failure('readFileSync', '/etc/hostname')).toBe(
    'NotGranted: readFileSync("/etc/hostname") is not granted: see FILES_DIR of the evaluator',
  );
  expect(await call('readFileSync')).toBeUndefined();
});
