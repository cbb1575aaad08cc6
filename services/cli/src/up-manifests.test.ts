import { readFileSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  admissionReview,
  freePort,
  natsForTest,
  pod,
  type TempDir,
  type TestProcess,
  tempDir,
} from '@jspolicy/testing';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { reachNats } from './stack/reach-nats.ts';
import { isEnforced, judge, lineOf, manifest, POLICY, says, upIn } from './up-process.test-part.ts';

let dir: TempDir;
let run: TestProcess;
const file = (name: string) => join(dir.path, 'manifests', name);
const linesWith = (text: string) => run.lines.filter((line) => line.includes(text));
const CONTROLLER = 'watcher.test.example.com';

beforeAll(async () => {
  dir = await tempDir();
  await mkdir(join(dir.path, 'manifests'));
  await writeFile(file('policy.yaml'), manifest(POLICY, "deny('first words');"));
  await writeFile(file('review.json'), JSON.stringify(admissionReview({ object: pod() })));
  const controller = manifest(
    CONTROLLER,
    "print('asked for ' + request.operation + ' of ' + request.name)",
    "deny('asked for ' + request.operation)",
  );
  await writeFile(file('controller.yaml'), controller.replace('spec:', 'spec:\n  type: Controller'));
  run = await upIn(dir.path).up('--evaluators', '1');
});
afterAll(async () => {
  await run.stop();
  await dir.remove();
});

test('an AdmissionReview beside the manifests is skipped, with one line', () => {
  expect(linesWith('an AdmissionReview')).toEqual([
    `${file('review.json')}: an AdmissionReview is no object of a cluster, it is skipped (\`jspolicy review -r\` judges it)`,
  ]);
});

test('a Controller policy follows the manifests beside it, and its webhook path answers too', async () => {
  await lineOf(run, isEnforced(CONTROLLER));
  await writeFile(file('pod.json'), JSON.stringify(pod({ name: 'followed', namespace: 'shop' })));
  await lineOf(run, /\[watcher\.test\.example\.com\] asked for CREATE of followed/);
  expect(await judge(run, CONTROLLER)).toMatchObject({ allowed: false, status: { message: 'asked for CREATE' } });
});

test('a second file with the name of a policy in force changes nothing, and both are named', async () => {
  await writeFile(file('another.yaml'), manifest(POLICY, "deny('other words');"));
  const text = `JsPolicy ${POLICY} is in force from ${file('policy.yaml')}:1, so this one is ignored: rename or remove one of the two`;
  await lineOf(run, `${file('another.yaml')}:1:1: ${text}`);
  await says(run, 'first words');
  await rm(file('another.yaml'));
  await lineOf(run, `${file('another.yaml')}: the file is gone, and its problems with it`);
});

test('a file that was never read well is told so, and as gone when it is deleted', async () => {
  await writeFile(file('broken.yaml'), 'a: [');
  await lineOf(run, /broken\.yaml:1:\d+: .* \(nothing of this file is in force\)$/);
  await rm(file('broken.yaml'));
  await lineOf(run, `${file('broken.yaml')}: the file is gone, and its problems with it`);
});

test('a file that stays empty is told, and its policies go', async () => {
  const name = 'emptied.test.example.com';
  await writeFile(file('emptied.yaml'), manifest(name, 'allow()'));
  await lineOf(run, `${name}: enforced`);
  await writeFile(file('emptied.yaml'), '');
  await lineOf(run, `${file('emptied.yaml')}: the file is empty now, what it held is removed: JsPolicy ${name}`);
  await lineOf(run, `${name}: removed`);
});

test('a folder that vanishes is told once, and when it is back', async () => {
  const aside = join(dir.path, 'aside');
  const folder = join(dir.path, 'manifests');
  await rename(folder, aside);
  await lineOf(run, /manifests cannot be read now \(ENOENT.*\): what was last read stays in force$/);
  await says(run, 'first words');
  await rename(aside, folder);
  await lineOf(run, `${folder} is read again`);
  expect(linesWith('manifests not read')).toEqual([]);
});

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

test('a NATS of the user that goes and comes back is told once each', async () => {
  const nats = await natsForTest();
  stops.push(() => nats.stop());
  const own = await tempDir();
  stops.push(() => own.remove());
  await mkdir(join(own.path, 'manifests'));
  await writeFile(join(own.path, 'manifests/policy.yaml'), readFileSync(file('policy.yaml')));
  const other = await upIn(own.path).up('--nats', nats.url);
  stops.push(() => other.stop());
  await nats.restart();
  await lineOf(other, 'NATS is reached again');
  expect(other.lines.filter((line) => line.includes('NATS connection'))).toEqual([]);
  expect(
    other.lines.filter((line) => line === 'the connection to NATS is lost, the services wait for it'),
  ).toHaveLength(1);
  await says(other, 'first words');
});

test('a NATS that does not answer is named while it is waited for, and given up', async () => {
  const notes: string[] = [];
  const terminal = { print: () => undefined, note: (text: string) => void notes.push(text) };
  const address = `127.0.0.1:${await freePort()}`;
  await expect(reachNats(`nats://${address}`, terminal, 1_500)).rejects.toThrow(
    `NATS cannot be used at nats://${address}: no answer in 1.5 s`,
  );
  expect(notes).toEqual([`connecting to NATS at nats://${address} ...`]);
});

test('credentials in the URL of NATS are refused, and not shown', async () => {
  const terminal = { print: () => undefined, note: () => undefined };
  const refused = reachNats('nats://user:secret@127.0.0.1', terminal).catch((error: Error) => error.message);
  expect(await refused).toMatch(/^--nats must not hold credentials: they are given by NATS_USER and NATS_PASSWORD/);
  expect(await refused).not.toContain('secret');
});
