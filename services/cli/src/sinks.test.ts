import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { startProcess, type TempDir, type TestProcess, tempDir, waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { jspolicy } from './cli-process.test-part.ts';
import { ROOT } from './places.ts';
import { judge, manifest, POLICY, upIn } from './up-process.test-part.ts';

let dir: TempDir;
let run: TestProcess;
let server: Server;
let status = 422;
const taken: string[] = [];

const sinkManifest = (name: string, spec: object) =>
  JSON.stringify({ apiVersion: 'policy.jspolicy.com/v1beta1', kind: 'ViolationSink', metadata: { name }, spec });
const write = (file: string, text: string) => writeFile(join(dir.path, 'manifests', file), text);
const ask = async (...args: string[]) => jspolicy([...args, '--data', join(dir.path, 'data')]);
const sinks = async () => JSON.parse((await ask('sinks', '-o', 'json')).stdout) as Record<string, unknown>[];
const sinkNamed = async (name: string) => (await sinks()).find((sink) => sink['name'] === name);

beforeAll(async () => {
  dir = await tempDir();
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    if (status < 300) taken.push(JSON.parse(Buffer.concat(chunks).toString()).data.message);
    response.writeHead(status).end();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  await mkdir(join(dir.path, 'manifests'));
  const { port } = server.address() as AddressInfo;
  await write('policy.yaml', manifest(POLICY, 'deny("not in default")'));
  await write('file.json', sinkManifest('to-file', { type: 'file', file: { path: 'out.ndjson' } }));
  await write('hook.json', sinkManifest('to-hook', { type: 'webhook', webhook: { url: `http://127.0.0.1:${port}` } }));
  await write('wrong.json', sinkManifest('wrong', { type: 'syslog', syslog: { host: 'a', port: 0 } }));
  const urlSecret = { name: 'nowhere', key: 'url' };
  await write('secret.json', sinkManifest('no-secret', { type: 'slack', slack: { urlSecret } }));
  run = await upIn(dir.path).up('--evaluators', '1');
  await waitFor(async () => (await sinkNamed('to-hook'))?.['state'] === 'Delivering', {
    what: 'the sinks to be served',
  });
});
afterAll(async () => {
  await run?.stop();
  await new Promise((done) => server?.close(done));
  await dir?.remove();
});

test('sinks are files beside the policies, and what is wrong with one is told', async () => {
  await waitFor(async () => (await judge(run))?.allowed === false, { what: 'a denial' });
  const line = await waitFor(
    async () => (await readFile(join(dir.path, 'data/sinks/out.ndjson'), 'utf8')).split('\n')[0],
    {
      what: 'the file',
    },
  );
  expect(JSON.parse(line)).toMatchObject({ specversion: '1.0', data: { policy: POLICY, message: 'not in default' } });
  expect(run.lines.find((text) => text.includes('wrong settings'))).toMatch(/ sink=wrong problems=.*syslog\.port/);
  await waitFor(async () => (await sinkNamed('to-file'))?.['delivered'] === 1, { what: 'figures' });
  const { stdout } = await ask('sinks');
  expect(stdout).toMatch(/^to-file +file +Delivering +1 +0 +0s +0 +0 +0$/m);
  expect(stdout).toMatch(
    /^wrong +syslog +WrongSettings .* spec\.syslog\.port: must be a whole number from 1 to 65535$/m,
  );
});

test('a sink whose Secret is missing is told before there is anything to send', async () => {
  const line = await waitFor(() => run.lines.find((text) => text.includes(' sink=no-secret ')), {
    what: 'a line of audit',
  });
  expect(line).toMatch(/^audit: warn: sink does not take violations now .* why=Secret nowhere, key url: there is no/);
});

describe('jspolicy violations', () => {
  test('reads the record', async () => {
    const { stdout, code } = await ask('violations', '--policy', POLICY, '--namespace', 'default');
    expect([code, stdout]).toEqual([0, expect.stringMatching(`Deny +${POLICY} +Pod default/\\S+ .* not in default\n`)]);
    const events = (await ask('violations', '-o', 'cloudevents')).stdout.trim().split('\n');
    expect(JSON.parse(events[0] ?? '')).toMatchObject({ specversion: '1.0', data: { policy: POLICY } });
    const data = JSON.parse((await ask('violations', '-o', 'json')).stdout.split('\n')[0] ?? '');
    expect(data).toMatchObject({ policy: POLICY, action: 'Deny' });
    expect((await ask('violations', '-o', 'yaml')).stdout).toContain(`policy: ${POLICY}\n`);
    expect((await ask('violations', '-o', 'wide')).stdout).toContain('operation=CREATE code=403');
    const none = await ask('violations', '--user', 'nobody-of-that-name');
    expect(none).toEqual({ code: 0, stdout: '', stderr: 'no violations (--since 1h)\n' });
  });

  test('follows it', async () => {
    const bin = join(ROOT, 'services/cli/bin/jspolicy.js');
    const args = [bin, 'violations', '--follow', '--since', '1h', '--data', join(dir.path, 'data')];
    const follower = await startProcess(process.execPath, args, { readyWhen: /not in default/ });
    const before = follower.lines.length;
    await judge(run);
    await waitFor(() => follower.lines.length > before, { what: 'the next violation' });
    follower.kill('SIGINT');
    expect((await follower.exited).code).toBe(0);
  });

  test.each([
    [['--since', 'yesterday'], '--since: yesterday is no duration'],
    [['--policy', '>'], '--policy: > is no name of a policy'],
  ])('%j is refused', async (args, text) => {
    const { code, stderr } = await ask('violations', ...args);
    expect([code, stderr]).toEqual([2, expect.stringContaining(text)]);
  });

  test('without an engine says where it looked', async () => {
    const { code, stderr } = await jspolicy(['violations', '--data', join(dir.path, 'elsewhere')]);
    expect([code, stderr]).toEqual([2, expect.stringContaining('no `jspolicy up` runs on')]);
  });
});

test('what a sink refused is listed with the reason and sent again', async () => {
  const all = (await ask('violations', '-o', 'json')).stdout.trim().split('\n').length;
  const found = await waitFor(
    async () => {
      const letters = JSON.parse((await ask('sinks', 'dead', 'list', 'to-hook', '-o', 'json')).stdout) as object[];
      return letters.length === all && letters;
    },
    { what: 'dead letters' },
  );
  expect(found[0]).toMatchObject({ sink: 'to-hook', reason: 'the server answered 422' });
  const again = await ask('sinks', 'dead', 'retry', 'to-hook');
  expect([again.code, again.stdout]).toEqual([2, `0 delivered, ${found.length} refused\n`]);
  status = 204;
  const sent = await ask('sinks', 'dead', 'retry', 'to-hook');
  expect([sent.code, sent.stdout]).toEqual([0, `${found.length} delivered, 0 refused\n`]);
  expect(taken).toEqual(found.map(() => 'not in default'));
  expect((await ask('sinks', 'dead', 'list')).stderr).toContain('there are no dead letters of sinks');
  const { code, stderr } = await ask('sinks', 'dead', 'retry', 'nobody');
  expect([code, stderr]).toEqual([0, '']);
});

test('the first violation of a sink is chosen once', async () => {
  const spec = { type: 'file', from: 'All', file: { path: 'out.ndjson' } };
  await write('file.json', sinkManifest('to-file', spec));
  await waitFor(async () => (await sinkNamed('to-file'))?.['state'] === 'WrongSettings', {
    what: 'the change to be refused',
  });
  expect((await sinkNamed('to-file'))?.['error']).toBe(
    'spec.from: cannot be changed, it was New: make a sink of another name',
  );
  // One that is made anew begins anew.
  await rm(join(dir.path, 'manifests/file.json'));
  await waitFor(async () => (await sinkNamed('to-file')) === undefined, { what: 'it to go' });
  await write('file.json', sinkManifest('to-file', { ...spec, file: { path: 'again.ndjson' } }));
  await waitFor(async () => (await sinkNamed('to-file'))?.['state'] === 'Delivering', {
    what: 'the sink to be served',
  });
  const again = await waitFor(() => readFile(join(dir.path, 'data/sinks/again.ndjson'), 'utf8'), {
    what: 'the file',
  });
  expect(JSON.parse(again.split('\n')[0] ?? '')).toMatchObject({ data: { policy: POLICY } });
});

test('who follows hears that the engine has ended', async () => {
  const bin = join(ROOT, 'services/cli/bin/jspolicy.js');
  const args = [bin, 'violations', '--follow', '--since', '1h', '--data', join(dir.path, 'data')];
  const follower = await startProcess(process.execPath, args, { readyWhen: /not in default/ });
  await run.stop();
  const { code } = await follower.exited;
  expect([code, follower.lines.at(-1)]).toEqual([2, 'the `jspolicy up` that was followed has ended']);
});
