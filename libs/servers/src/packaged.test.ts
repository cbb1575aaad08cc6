import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findPackaged } from './packaged.ts';

let dir: string;
let env: NodeJS.ProcessEnv;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'jspolicy-servers-'));
  env = { PATH: join(dir, 'path'), XDG_CACHE_HOME: join(dir, 'cache') };
  await mkdir(join(dir, 'path'));
});
afterEach(() => rm(dir, { recursive: true }));

/** A mvn that fetches a file of this name, or fails. */
async function fakeMaven(jar: string | undefined): Promise<void> {
  const fetch = jar
    ? `for a; do case "$a" in -DoutputDirectory=*) out="\${a#*=}";; esac; done; /bin/mkdir "$out"; echo > "$out/${jar}"`
    : 'echo "no such artifact" >&2; exit 1';
  await writeFile(join(dir, 'path/mvn'), `#!/bin/sh\n${fetch}\n`);
  await chmod(join(dir, 'path/mvn'), 0o755);
}

test('packages are fetched once, also for those who ask at the same time', async () => {
  const lines: string[] = [];
  await fakeMaven('one.jar');
  const options = { env, onProgress: (line: string) => lines.push(line) };
  const folders = await Promise.all([findPackaged('kafka', options), findPackaged('kafka', options)]);
  expect(new Set(folders).size).toBe(1);
  expect(await readdir(folders[0])).toEqual(['one.jar']);
  expect(lines.filter((line) => line.includes('fetching kafka'))).toHaveLength(1);
  await rm(join(dir, 'path/mvn'));
  expect(await findPackaged('kafka', options)).toBe(folders[0]);
  expect(await readdir(join(dir, 'cache/jspolicy/work'))).toEqual([]);
});

test('what cannot be fetched is told with why and what to do, and leaves nothing behind', async () => {
  await expect(findPackaged('kafka', { env })).rejects.toMatchObject({
    code: 'SERVER_NOT_FOUND',
    message: expect.stringMatching(/there is no mvn on the PATH[\s\S]*What to do: install Java 17 and Maven/),
  });
  await fakeMaven(undefined);
  await expect(findPackaged('kafka', { env })).rejects.toThrow('no such artifact');
  await expect(findPackaged('rsyslog', { env })).rejects.toMatchObject({
    code: 'SERVER_NOT_FOUND',
    message: expect.stringContaining('there is no apt-get on the PATH'),
  });
  expect(await readdir(join(dir, 'cache/jspolicy/bin'))).toEqual([]);
});
