import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { type Bus, connectBus } from '@jspolicy/bus';
import { COMPILE_SUBJECT, type CompileReply, type CompileRequest } from '@jspolicy/contracts';
import { createLogger } from '@jspolicy/runtime';
import {
  natsForTest,
  startProcess,
  type TempDir,
  type TestNats,
  type TestProcess,
  tempDir,
  waitFor,
} from '@jspolicy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const log = createLogger({ service: 'test', level: 'silent' });
const MAIN = resolve(import.meta.dirname, '../dist/main.js');

let nats: TestNats;
let dir: TempDir;
let bus: Bus;
let compiler: TestProcess;

beforeAll(async () => {
  nats = await natsForTest();
  dir = await tempDir();
  bus = await connectBus({ servers: nats.url, name: 'test', log });
  compiler = await startCompiler();
});
afterAll(async () => {
  await compiler.stop();
  await bus.close();
  await nats.stop();
  await dir.remove();
});

const startCompiler = (env: Record<string, string> = {}) =>
  startProcess(process.execPath, [MAIN], {
    env: { NATS_URL: nats.url, WORK_DIR: `${dir.path}/work`, CACHE_DIR: `${dir.path}/cache`, ...env },
    readyWhen: /"msg":"ready"/,
  });

async function ask(body: string, on = bus): Promise<{ status: number; reply: unknown }> {
  const answer = await on.request(COMPILE_SUBJECT, Buffer.from(body), { deadlineMs: 300_000 });
  return { status: answer.status, reply: JSON.parse(Buffer.from(answer.body).toString()) };
}

const compile = async (request: CompileRequest) => (await ask(JSON.stringify(request))).reply as CompileReply;

const source = (text: string): CompileRequest => ({ kind: 'source', policy: 'a.b.c', source: text, dependencies: {} });

/** A registry that takes requests and never answers. */
async function silentRegistry(): Promise<{ url: string; asked(): number; stop(): Promise<void> }> {
  let asked = 0;
  const server = createServer(() => asked++);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: () => asked,
    stop: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

describe('the compiler service', () => {
  it('answers with a bundle', async () => {
    expect(await compile(source('deny("x")'))).toMatchObject({ ok: true, bundle: { form: 'function-body' } });
  });

  it('answers with diagnostics', async () => {
    expect(await compile(source('const x: number = ;'))).toMatchObject({
      ok: false,
      fault: 'author',
      message: expect.stringContaining('error bundling javascript: javascript:1:19'),
    });
  });

  it('answers many at once', async () => {
    const texts = Array.from({ length: 20 }, (_, index) => `const x: number = ${index}; warn(x);`);
    const replies = await Promise.all(texts.map((text) => compile(source(text))));
    replies.forEach((reply, index) => {
      expect(reply).toMatchObject({ ok: true, bundle: { script: expect.stringContaining(`const x = ${index};`) } });
    });
  });

  it.each(['{', '[]', '{"kind":"source"}', '{"kind":"other","policy":"a"}'])('refuses %s', async (body) => {
    expect(await ask(body)).toMatchObject({ status: 400 });
  });

  it('BUNDLE_TIMEOUT ends npm too, after twice as long, and the next build is made', async () => {
    const registry = await silentRegistry();
    const other = await natsForTest();
    const otherBus = await connectBus({ servers: other.url, name: 'test', log });
    const impatient = await startCompiler({
      NATS_URL: other.url,
      CACHE_DIR: `${dir.path}/impatient`,
      BUNDLE_TIMEOUT: '10',
      npm_config_registry: registry.url,
    });
    const needs = { ...source('import "x-of-nobody"'), dependencies: { 'x-of-nobody': '1.0.0' } };
    expect((await ask(JSON.stringify(needs), otherBus)).reply).toEqual({
      ok: false,
      fault: 'platform',
      message: 'error installing dependencies: npm took longer than 20 s',
      diagnostics: [{ file: 'dependencies', text: 'npm took longer than 20 s' }],
    });
    expect(registry.asked()).toBeGreaterThan(0);
    expect((await ask(JSON.stringify(source('deny("x")')), otherBus)).reply).toMatchObject({ ok: true });
    await impatient.stop();
    await otherBus.close();
    await Promise.all([other.stop(), registry.stop()]);
  });

  // A parser looks for each name among all before, and notes each `var` in every block around it.
  const names = (keyword: string, count: number) =>
    Array.from({ length: count }, (_, index) => `${keyword} a${index.toString(36)};`).join('');
  const blocks = 800;
  it.each<[string, CompileRequest, RegExp]>([
    [
      'bundle',
      { kind: 'precompiled', policy: 'a.b.c', script: `${names('let', 130_000)} (]` },
      /^error reading javascript bundle: bundle: to read it takes longer than 10 s$/,
    ],
    [
      'source',
      source('{'.repeat(blocks) + names('var', 100_000) + '}'.repeat(blocks)),
      /^error bundling javascript: javascript: to compile it takes (longer than 10 s|more than 256 MiB of memory)$/,
    ],
  ])('compiles others while it reads a %s that was made to take all there is', async (_what, request, message) => {
    const other = await natsForTest();
    const otherBus = await connectBus({ servers: other.url, name: 'test', log });
    const one = await startCompiler({ NATS_URL: other.url, BUNDLE_TIMEOUT: '10' });
    try {
      const answered: string[] = [];
      const hostile = ask(JSON.stringify(request), otherBus);
      void hostile.then(
        () => answered.push('hostile'),
        () => answered.push('hostile failed'),
      );
      expect((await ask(JSON.stringify(source('deny("x")')), otherBus)).reply).toMatchObject({ ok: true });
      expect(answered).toEqual([]);
      expect((await hostile).reply).toMatchObject({ ok: false, fault: 'author' });
      expect((await hostile).reply).toMatchObject({ message: expect.stringMatching(message) });
    } finally {
      await one.stop();
      await otherBus.close();
      await other.stop();
    }
  });

  it('two that run make the same bytes of the same request', async () => {
    const env = { WORK_DIR: `${dir.path}/second/work`, CACHE_DIR: `${dir.path}/second/cache` };
    const other = await startCompiler(env);
    const started = compiler.lines.length;
    const request = {
      ...source('import sum from "is-number";\nenum A { B }\nwarn(sum(A.B))'),
      dependencies: { 'is-number': '7.0.0' },
    };
    const bundles = new Set<string>();
    const hasCompiled = (one: TestProcess, from: number) =>
      one.lines.slice(from).some((line) => line.includes('"compiled"'));
    // Whoever of the two is asked: until both were.
    await waitFor(
      async () => {
        const replies = await Promise.all(Array.from({ length: 4 }, () => compile(request)));
        for (const reply of replies) bundles.add(JSON.stringify(reply));
        return hasCompiled(compiler, started) && hasCompiled(other, 0);
      },
      { what: 'both to be asked' },
    );
    expect(bundles.size).toBe(1);
    expect(JSON.parse([...bundles][0] ?? '')).toMatchObject({ ok: true });
    await other.stop();
  });

  it('finishes what is in flight when it is told to stop', async () => {
    const other = await startCompiler();
    const replies = Promise.all(Array.from({ length: 8 }, (_, index) => compile(source(`let x: number = ${index}`))));
    await other.stop();
    expect(other.exit).toMatchObject({ code: 0 });
    expect(await replies).toEqual(Array.from({ length: 8 }, () => expect.objectContaining({ ok: true })));
  });

  it('tells every wrong setting and ends with 78', async () => {
    const wrong = startCompiler({ BUNDLE_TIMEOUT: 'long', CONCURRENCY: '0' });
    await expect(wrong).rejects.toThrow(/BUNDLE_TIMEOUT must be .*[\s\S]*CONCURRENCY must be /);
  });
});
