import { resolve } from 'node:path';
import { type Bus, connectBus } from '@jspolicy/bus';
import { COMPILE_SUBJECT, type CompileReply, type CompileRequest } from '@jspolicy/contracts';
import { createLogger } from '@jspolicy/runtime';
import { natsForTest, startProcess, type TempDir, type TestNats, type TestProcess, tempDir } from '@jspolicy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const MAIN = resolve(import.meta.dirname, '../dist/main.js');

let nats: TestNats;
let dir: TempDir;
let bus: Bus;
let compiler: TestProcess;

beforeAll(async () => {
  nats = await natsForTest();
  dir = await tempDir();
  bus = await connectBus({ servers: nats.url, name: 'test', log: createLogger({ service: 'test', level: 'silent' }) });
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

async function ask(body: string): Promise<{ status: number; reply: unknown }> {
  const answer = await bus.request(COMPILE_SUBJECT, Buffer.from(body), { deadlineMs: 30_000 });
  return { status: answer.status, reply: JSON.parse(Buffer.from(answer.body).toString()) };
}

const compile = async (request: CompileRequest) => (await ask(JSON.stringify(request))).reply as CompileReply;

const source = (text: string): CompileRequest => ({ kind: 'source', policy: 'a.b.c', source: text, dependencies: {} });

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
