import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const PROGRAM = resolve(import.meta.dirname, '../dist/main.js');
const run = promisify(execFile);

test.each([
  ['an architecture that is none', ['--arch', 's390x'], 'Give some of amd64, arm64.'],
  [
    'one nats-server for two architectures',
    ['--arch', 'amd64,arm64', '--nats', PROGRAM],
    'are files of one architecture',
  ],
  ['one base for two architectures', ['--arch', 'amd64,arm64', '--base', PROGRAM], 'are files of one architecture'],
])('is refused before anything is built: %s', async (_, args, message) => {
  const out = join(import.meta.dirname, 'never-made');
  const refused = await run(process.execPath, [PROGRAM, '--out', out, ...args]).catch((error) => error);
  expect(refused).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining(message) });
});
