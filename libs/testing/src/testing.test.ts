import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  admissionReview,
  type KubeApiServer,
  kubeForTest,
  kubeRequest,
  natsForTest,
  pod,
  podOfSize,
  startProcess,
  waitFor,
  withTempDir,
} from './index.ts';

test('waitFor returns what it waited for', async () => {
  let asked = 0;
  expect(await waitFor(() => ++asked === 3 && 'three', { what: 'three' })).toBe('three');
});

test('waitFor says what it waited for and what it saw', async () => {
  const never = waitFor(() => 0, { what: 'a pod', timeoutMs: 1, pollMs: 1 });
  await expect(never).rejects.toThrow('waited 0.001 s for a pod; seen last: 0');
});

test('a temporary folder is gone after the work', async () => {
  const path = await withTempDir(async (dir) => dir);
  expect(existsSync(path)).toBe(false);
});

test.each([1024, 10_240, 102_400])('podOfSize makes exactly %i bytes, always the same', (bytes) => {
  const json = JSON.stringify(podOfSize(bytes));
  expect(Buffer.byteLength(json)).toBe(bytes);
  expect(JSON.stringify(podOfSize(bytes))).toBe(json);
});

test('admissionReview puts the object where its operation has it', () => {
  const object = pod();
  const kind = { group: '', version: 'v1', kind: 'Pod' };
  const resource = { group: '', version: 'v1', resource: 'pods' };
  expect(admissionReview({ object }).request).toMatchObject({ kind, resource, object, oldObject: null });
  expect(admissionReview({ object, operation: 'DELETE' }).request).toMatchObject({ object: null, oldObject: object });
});

test('startProcess tells readiness from an early end', async () => {
  const script = 'console.log("up " + process.env.WHERE); setInterval(() => {}, 1000)';
  const up = await startProcess(process.execPath, ['-e', script], { env: { WHERE: 'here' }, readyWhen: /^up here$/ });
  up.kill('SIGKILL');
  expect(await up.exited).toEqual({ code: null, signal: 'SIGKILL' });
  const down = startProcess(process.execPath, ['-e', 'console.error("no"); process.exit(3)'], { readyWhen: /up/ });
  await expect(down).rejects.toThrow(/did not get ready\. Its output:\nno/);
});

test('natsForTest comes back at its URL', async () => {
  const nats = await natsForTest();
  try {
    await nats.restart();
    expect(nats.server.url).toBe(nats.url);
  } finally {
    await nats.stop();
  }
  expect(existsSync(nats.storeDir)).toBe(false);
});

describe('with an API server', () => {
  let kube: KubeApiServer;
  beforeAll(async () => {
    kube = await kubeForTest();
  });
  afterAll(() => kube?.stop());

  test.each([pod(), podOfSize(102_400)])('it takes our pods', async (object) => {
    const pods = '/api/v1/namespaces/default/pods';
    const made = await kubeRequest(kube, 'POST', pods, object);
    expect(made.status, JSON.stringify(made.body)).toBe(201);
    const patched = await kubeRequest(kube, 'PATCH', `${pods}/${made.body.metadata.name}`, {
      metadata: { labels: { a: 'b' } },
    });
    expect(patched).toMatchObject({ status: 200, body: { metadata: { labels: { a: 'b' } } } });
    expect(patched.headers['content-type']).toBe('application/json');
  });
});
