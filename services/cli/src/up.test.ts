import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type TempDir, tempDir, waitFor } from '@jspolicy/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  allGone,
  descendants,
  fact,
  isEnforced,
  judge,
  lineOf,
  manifest,
  POLICY,
  says,
  type UpIn,
  upIn,
} from './up-process.test-part.ts';

let dir: TempDir;
let up: UpIn['up'];
let upFails: UpIn['upFails'];
const inDir = (name: string) => join(dir.path, name);
const policyFile = () => inDir('manifests/policy.yaml');

beforeEach(async () => {
  dir = await tempDir();
  ({ up, upFails } = upIn(dir.path));
  await mkdir(inDir('manifests'));
  await writeFile(policyFile(), manifest(POLICY, "if (request.namespace === 'default') deny('first words');"));
});
afterEach(() => dir.remove());

test('a policy is enforced, follows its file, and nothing is left after Ctrl-C', async () => {
  const run = await up();
  const pids = descendants(run.pid);
  try {
    await lineOf(run, isEnforced(POLICY));
    await says(run, 'first words');
    expect(await judge(run)).toMatchObject({
      allowed: false,
      status: { message: 'first words', reason: 'Forbidden', code: 403 },
    });

    await writeFile(policyFile(), manifest(POLICY, "deny('second words');"));
    await lineOf(run, `${POLICY}: enforced`);
    await says(run, 'second words');

    await writeFile(policyFile(), manifest(POLICY, 'const a = 1;', 'if (a ==) deny();'));
    await lineOf(
      run,
      /manifests\/policy\.yaml:10:13: error bundling javascript: .*\(last good version stays in force\)$/,
    );
    expect(await judge(run)).toMatchObject({ status: { message: 'second words' } });
    const log = await readFile(join(fact(run, 'Logs'), 'compiler.log'), 'utf8');
    expect(log.match(/"msg":"not compiled"/g)).toHaveLength(1);

    await writeFile(policyFile(), `${manifest(POLICY, 'deny("third words")')}\n  resources: [`);
    await lineOf(run, /manifests\/policy\.yaml:\d+:\d+: .* stays in force\)$/);
    expect(await judge(run)).toMatchObject({ status: { message: 'second words' } });

    const other = 'other.test.example.com';
    await writeFile(inDir('manifests/other.yaml'), manifest(other, "deny('other words')"));
    await lineOf(run, `${other}: enforced`);
    await says(run, 'other words', other);
    await rm(inDir('manifests/other.yaml'));
    await lineOf(run, `${other}: removed`);
    await waitFor(
      () =>
        judge(run, other).then(
          () => false,
          (error) => /HTTP 404/.test(error.message),
        ),
      { what: 'HTTP 404' },
    );

    expect(pids.length).toBeGreaterThanOrEqual(7);
    run.kill('SIGINT');
    expect(await run.exited).toEqual({ code: 0, signal: null });
    await allGone(pids);
  } finally {
    await run.stop();
  }
});

test('another one on the same data is refused; a killed one leaves nothing behind, and the next one starts', async () => {
  const first = await up();
  try {
    expect(await upFails('--port', '0')).toMatchObject({
      code: 2,
      output: expect.stringMatching(/is in use by process \d+/),
    });
    const pids = descendants(first.pid);
    first.kill('SIGKILL');
    await first.exited;
    const second = await up();
    try {
      await allGone(pids);
      await says(second, 'first words');
    } finally {
      second.kill('SIGTERM');
      expect(await second.exited).toEqual({ code: 0, signal: null });
    }
  } finally {
    await first.stop();
  }
});

test('a service, and nats-server, that die are started again', async () => {
  const run = await up('--evaluators', '1');
  try {
    for (const name of ['evaluator-1', 'nats-server', 'gateway']) {
      const main = name === 'nats-server' ? 'nats-server.conf' : `services/${name.replace(/-\d$/, '')}/dist/main.js`;
      const pid = descendants(run.pid).find((each) => readFileSync(`/proc/${each}/cmdline`, 'utf8').includes(main));
      process.kill(pid ?? 0, 'SIGKILL');
      await lineOf(run, `${name} is back`);
    }
    await says(run, 'first words');
  } finally {
    await run.stop();
  }
});

test('a policy that never compiled is told beside the others, and its log has the rest', async () => {
  await writeFile(inDir('manifests/broken.yaml'), manifest('broken.test.example.com', 'let let = 1;'));
  const run = await up();
  try {
    // What a slow machine has not compiled by then is told later.
    expect(run.lines).toContainEqual(
      expect.stringMatching(/^broken\.test\.example\.com +Validating +Deny +(failed|pending)$/),
    );
    await lineOf(run, /broken\.yaml:9:\d+: .* \(not enforced: .*; asked directly, it denies with code 500\)$/);
    const answer = await judge(run, 'broken.test.example.com');
    expect(answer).toMatchObject({ allowed: false, status: { code: 500 } });
    expect(await readFile(join(fact(run, 'Logs'), 'gateway.log'), 'utf8')).toContain('"msg":"ready"');
  } finally {
    await run.stop();
  }
});

describe('refused with one line', () => {
  const server = createServer();
  beforeAll(async () => {
    await once(server.listen(0, '127.0.0.1'), 'listening');
  });
  afterAll(() => void server.close());

  test('a port that is taken', async () => {
    const { port } = server.address() as { port: number };
    expect(await upFails('--port', String(port))).toEqual({
      code: 2,
      output: `port ${port} is in use by another process: choose another one with --port N, or a free one with --port 0`,
    });
    expect(existsSync(inDir('data'))).toBe(false);
  });

  test.each([
    [['--port', '70000'], /--port is a whole number from 0 to 65535/],
    [['--evaluators', '0'], /--evaluators is a whole number from 1 to 64/],
    [['--webhook-url', 'http://x'], /--webhook-url: http:\/\/x is no https URL/],
    [['--kubeconfig', '/no/such/file'], /--kubeconfig: \/no\/such\/file does not exist/],
    [['--manifests', '/no/such/dir'], /--manifests: \/no\/such\/dir is no directory/],
    [['--log-level', 'loud'], /Allowed choices are/],
    [['--data', '/proc/x'], /^data cannot be kept in \/proc\/x: ENOENT.* \(--data DIR names another directory\)$/],
    [['--data', '/proc'], /^data cannot be kept in \/proc: .* \(--data DIR names another directory\)$/],
    [['--data', '/dev/null/x'], /^data cannot be kept in \/dev\/null\/x: ENOTDIR/],
    [['--kubeconfig', '/proc'], /--kubeconfig: \/proc is a directory/],
  ])('%j', async (args, message) => {
    expect(await upFails(...args)).toEqual({ code: 2, output: expect.stringMatching(message) });
  });
});
