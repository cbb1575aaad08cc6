import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { type Bus, connectBus } from '@jspolicy/bus';
import { type CertificateFiles, createCertificates, ensureCertificates } from '@jspolicy/certificates';
import { EVALUATE_SUBJECTS, EVALUATOR_QUEUE } from '@jspolicy/contracts';
import { createLogger } from '@jspolicy/runtime';
import {
  freePort,
  natsForTest,
  startProcess,
  type TempDir,
  type TestNats,
  type TestProcess,
  tempDir,
  waitFor,
} from '@jspolicy/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';

const MAIN = resolve(import.meta.dirname, '../dist/main.js');
let nats: TestNats;
let dir: TempDir;
let gateway: TestProcess;
let bus: Bus;
let port: number;
let ca: string;
let files: CertificateFiles;

const NAMES = { dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] };

const serviceEnv = () => ({
  HOST: '127.0.0.1',
  PORT: '0',
  TLS_CERT_FILE: files.certFile,
  TLS_KEY_FILE: files.keyFile,
});

beforeAll(async () => {
  dir = await tempDir();
  nats = await natsForTest();
  files = await ensureCertificates(join(dir.path, 'tls'), NAMES);
  ca = readFileSync(files.caFile, 'utf8');
  gateway = await startProcess(process.execPath, [MAIN], {
    env: { ...serviceEnv(), NATS_URL: nats.url, MAX_IN_FLIGHT: '2', MAX_BODIES_MIB: '16' },
    readyWhen: /"msg":"ready"/,
  });
  port = JSON.parse(gateway.lines.find((line) => line.includes('"msg":"ready"')) ?? '{}').port;
  bus = await connectBus({
    servers: nats.url,
    name: 'evaluator',
    log: createLogger({ service: 'test', level: 'silent' }),
  });
});
afterAll(async () => {
  await gateway?.stop();
  await bus?.close();
  await nats?.stop();
  await dir?.remove();
});

function post(
  path: string,
  body: string,
  agent = new Agent(),
): Promise<{ status: number; body: string; retry: string | undefined }> {
  return new Promise((done, reject) => {
    // As long as reviews may take, unless the test says otherwise.
    const timed = path.includes('?') ? path : `${path}?timeout=30s`;
    const sent = request(
      {
        host: '127.0.0.1',
        port,
        path: timed,
        method: 'POST',
        ca,
        agent,
        headers: { 'content-type': 'application/json' },
      },
      (answer) =>
        text(answer).then(
          (got) => done({ status: answer.statusCode ?? 0, body: got, retry: answer.headers['retry-after'] }),
          reject,
        ),
    );
    sent.once('error', reject);
    sent.end(body);
  });
}

test('bytes pass unread in both directions, with the time that is left', async () => {
  const seen: string[] = [];
  const service = bus.serve(EVALUATE_SUBJECTS, EVALUATOR_QUEUE, async ({ subject, body, deadlineMs }) => {
    seen.push(`${subject} ${deadlineMs > 9_800 && deadlineMs <= 27_800}`);
    return { status: 200, body, headers: {} };
  });
  const odd = '{"__proto__": {"a": 1}, "n": 9007199254740993}   ';
  expect(await post('/policy/a.b.example?timeout=28s', odd)).toMatchObject({ status: 200, body: odd });
  expect(seen).toEqual(['jspolicy.v1.evaluate.a_b_example true']);
  await service.stop();
});

test('more reviews than MAX_IN_FLIGHT are refused at once with 503 and Retry-After', async () => {
  const release: (() => void)[] = [];
  const service = bus.serve(EVALUATE_SUBJECTS, EVALUATOR_QUEUE, async ({ body }) => {
    await new Promise<void>((done) => release.push(done));
    return { status: 200, body, headers: {} };
  });
  const held = [post('/policy/a.b.example', 'x'), post('/policy/a.b.example', 'x')];
  await waitFor(() => release.length === 2, { what: 'two reviews in flight' });
  const refused = await post('/policy/a.b.example', 'x');
  expect(refused).toMatchObject({ status: 503, retry: '1' });
  expect(refused.body).toContain('2 reviews in flight already');
  for (const done of release) done();
  expect((await Promise.all(held)).map(({ status }) => status)).toEqual([200, 200]);
  await service.stop();
});

test('callers that never end their bodies are cut off, and hold no memory against a review', async () => {
  const service = bus.serve(EVALUATE_SUBJECTS, EVALUATOR_QUEUE, async ({ body }) => ({
    status: 200,
    body,
    headers: {},
  }));
  const bytes = 7 * 1024 * 1024;
  const headers = { 'content-type': 'application/json', 'content-length': String(bytes) };
  const cut: number[] = [];
  const stuck = Array.from({ length: 6 }, (_, index) => {
    const sent = request({
      host: '127.0.0.1',
      port,
      path: '/policy/a.b.example',
      method: 'POST',
      ca,
      headers,
      agent: false,
    });
    sent.once('error', () => cut.push(index));
    sent.write(Buffer.alloc(bytes - 1, ' '));
    return sent;
  });
  await waitFor(() => cut.length >= 4, { what: 'what does not fit in 16 MiB to be cut off' });
  expect((await post('/policy/a.b.example', 'x'.repeat(bytes))).status).toBe(200);
  for (const each of stuck) each.destroy();
  await service.stop();
});

test('bodies that are read and thrown away take no room', async () => {
  const service = bus.serve(EVALUATE_SUBJECTS, EVALUATOR_QUEUE, async ({ body }) => ({
    status: 200,
    body,
    headers: {},
  }));
  const agent = new Agent({ keepAlive: true });
  for (let round = 0; round < 4; round++) {
    expect((await post('/policy/a.b.example', 'x'.repeat(20 * 1024 * 1024), agent)).status).toBe(413);
    expect((await post('/policy/a.b.example', 'x'.repeat(6 * 1024 * 1024), agent)).status).toBe(200);
  }
  agent.destroy();
  await service.stop();
});

test('its own kinds are judged without an evaluator, at their own paths only', async () => {
  const review = JSON.stringify({
    kind: 'AdmissionReview',
    apiVersion: 'admission.k8s.io/v1',
    request: { uid: 'u', kind: {}, operation: 'DELETE' },
  });
  const refused = await post('/crds', review);
  expect(refused.status).toBe(200);
  expect(JSON.parse(refused.body).response.status.message).toBe('operation DELETE not supported');
  expect((await post('/crds/before-schema?timeout=5s', review)).status).toBe(200);
  expect((await post('/crds', '')).status).toBe(400);
  expect((await post('/crds/other', review)).status).toBe(404);
});

test('from SIGTERM on a caller is told to come by another connection, before this one is closed', async () => {
  const ending = await startProcess(process.execPath, [MAIN], {
    env: { ...serviceEnv(), NATS_URL: nats.url, SHUTDOWN_DELAY_MS: '60000' },
    readyWhen: /"msg":"ready"/,
  });
  const own = JSON.parse(ending.lines.find((line) => line.includes('"msg":"ready"')) ?? '{}').port;
  const kept = new Agent({ keepAlive: true });
  const connection = () =>
    new Promise<string | undefined>((done, reject) => {
      const sent = request({ host: '127.0.0.1', port: own, path: '/none', ca, agent: kept }, (answer) => {
        answer.resume().once('end', () => done(answer.headers.connection));
      });
      sent.once('error', reject).end();
    });
  expect(await connection()).toBe('keep-alive');
  ending.kill('SIGTERM');
  await waitFor(async () => (await connection()) === 'close', { what: 'Connection: close' });
  kept.destroy();
  ending.kill('SIGKILL');
  await ending.exited;
});

test('while NATS is away it is not ready and says since when', async () => {
  const healthPort = await freePort();
  const readyz = async () => {
    const answer = await fetch(`http://127.0.0.1:${healthPort}/readyz`);
    return `${answer.status} ${await answer.text()}`;
  };
  const password = 'a-password-of-the-test';
  const config = `authorization { user: "me", password: "${password}" }`;
  const own = await natsForTest({ config });
  const env = { ...serviceEnv(), NATS_URL: own.url, NATS_USER: 'me', NATS_PASSWORD: password };
  const other = await startProcess(process.execPath, [MAIN], {
    env: { ...env, HEALTH_PORT: String(healthPort) },
    readyWhen: /"msg":"ready"/,
  });
  expect(await readyz()).toBe('200 ok\n');
  own.kill('SIGKILL');
  await waitFor(async () => /^503 not ready: no connection to NATS since \d{4}-/.test(await readyz()), {
    what: 'the outage to be told',
  });
  await own.restart();
  await waitFor(async () => (await readyz()) === '200 ok\n', { what: 'it to be ready again' });
  expect(other.lines.join()).not.toContain(password);
  await other.stop();
  await own.stop();
});

test('when the client gives the connection up for good the process says so and ends with 1', async () => {
  const own = await natsForTest();
  const seed = join(dir.path, 'seed');
  // Of a user that exists nowhere.
  await writeFile(seed, 'SUAMKQAHRPVXKRIBJYLA4CMBAK5WEP57DDJ7IVFAVI2QSBGCQWUDYT2LAM');
  const other = await startProcess(process.execPath, [MAIN], {
    env: { ...serviceEnv(), NATS_URL: own.url, NATS_NKEY_FILE: seed },
    readyWhen: /"msg":"ready"/,
  });
  await writeFile(seed, 'no seed');
  await own.restart();
  expect((await other.exited).code).toBe(1);
  expect(other.lines.join()).toContain('the connection to NATS was given up');
  await own.stop();
});

test('files that change are served without a failed request; a key that does not fit yet changes nothing', async () => {
  const before = ca;
  const { ca: later, cert, key } = await createCertificates(NAMES);
  const kept = new Agent({ keepAlive: true });
  const isRefused = async (agent?: Agent) => (await post('/policy/a/b', '{}', agent)).status === 404;
  expect(await isRefused(kept)).toBe(true);
  await writeFile(files.keyFile, key);
  await waitFor(() => gateway.lines.some((line) => line.includes('cannot be used')), {
    what: 'the wrong key to be seen',
  });
  expect(await isRefused()).toBe(true);
  await writeFile(files.certFile, cert);
  ca = before + later;
  const taken = () => gateway.lines.filter((line) => line.includes('certificate taken')).length === 2;
  await waitFor(async () => (await isRefused()) && taken(), { what: 'the new certificate to be taken' });
  // The connection that was there goes on, and new ones need the new authority alone.
  expect(await isRefused(kept)).toBe(true);
  ca = later;
  expect(await isRefused()).toBe(true);
  kept.destroy();
});

test.each([
  [{ TLS_CERT_FILE: MAIN, TLS_KEY_FILE: '' }, 'TLS_CERT_FILE and TLS_KEY_FILE belong together'],
  [{ TLS_CERT_FILE: '', TLS_KEY_FILE: '' }, 'are required where there is no KUBECONFIG'],
])('wrong configuration: %j', async (env, problem) => {
  const none = { KUBECONFIG: '', KUBERNETES_SERVICE_HOST: '' };
  const child = await startProcess(process.execPath, [MAIN], { env: { ...none, ...env } });
  expect(await child.exited).toMatchObject({ code: 78 });
  expect(child.lines.join('\n')).toContain(problem);
});
