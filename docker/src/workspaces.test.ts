import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { IMAGES } from './images.ts';
import { codeOf, workspacesOf } from './workspaces.ts';

const CHECKOUT = resolve(import.meta.dirname, '../..');

test('an image has the libraries that its services use when they run, and those of tests are in none', async () => {
  const gateway = await workspacesOf(['gateway'], CHECKOUT);
  expect(gateway).toContain('services/gateway');
  expect(gateway).toContain('libs/bus');
  expect(gateway).not.toContain('libs/sandbox');
  for (const { services } of IMAGES) expect(await workspacesOf(services, CHECKOUT)).not.toContain('libs/testing');
});

test('an image has what was built of sources that are there, without tests', async () => {
  const path = await mkdtemp(join(tmpdir(), 'jspolicy-images-'));
  onTestFinished(() => rm(path, { recursive: true }));
  const of = [
    'package.json',
    'bin/a.js',
    'dist/a.js',
    'dist/sub/b.js',
    'dist/sub/gone.js',
    'dist/a.test.js',
    'dist/a.js.map',
  ];
  const from = ['src/a.ts', 'src/a.test.ts', 'src/sub/b.ts'];
  for (const name of [...of, ...from].map((each) => join(path, 'libs/x', each))) {
    await mkdir(dirname(name), { recursive: true });
    await writeFile(name, '');
  }
  expect(await codeOf(['libs/x'], path)).toEqual(
    ['bin/a.js', 'dist/a.js', 'dist/sub/b.js', 'package.json'].map((name) => `libs/x/${name}`),
  );
});
