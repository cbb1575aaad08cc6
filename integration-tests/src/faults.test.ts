import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { admissionReview, pod, startProcess, type TempDir, tempDir, waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Gate } from './gate.ts';
import { policy, writeManifests } from './manifests.ts';
import { type Stack, startStack } from './stack.ts';

const DENY = 'deny.faults.example';
const SLOW = 'slow.faults.example';
let dir: TempDir;
let gate: Gate;
let stack: Stack;
const review = () => admissionReview({ object: pod() });
const denied = { allowed: false, status: { message: 'no', code: 403 } };

beforeAll(async () => {
  [dir, gate] = await Promise.all([tempDir(), Gate.start()]);
  await writeManifests(dir.path, [policy(DENY, 'deny("no")'), policy(SLOW, `${gate.code}; deny("slow")`)]);
  stack = await startStack({ cluster: { manifests: dir.path }, evaluators: 2, env: { evaluator: gate.env } });
  await Promise.all([DENY, SLOW].map(served));
});
afterAll(async () => {
  await stack?.stop();
  await gate?.stop();
  await dir?.remove();
});

function served(name: string): Promise<unknown> {
  return waitFor(async () => (await stack.webhook.review(name, review())).status === 200, {
    what: `${name} to be served`,
  });
}

/** So many reviews that are worked on until the gate is opened, and an evaluator that works on one. */
async function slowReviews(reviews: number) {
  gate.close();
  const requests = Array.from({ length: reviews }, () => stack.webhook.judge(SLOW, review()));
  const evaluator = await waitFor(
    async () => {
      const living = stack.processes.evaluator.filter((each) => !each.exit);
      const loads = await Promise.all(living.map(async (each) => ({ each, count: await stack.inFlight(each) })));
      const all = loads.reduce((sum, { count }) => sum + count, 0);
      return all >= reviews && loads.find(({ count }) => count > 0)?.each;
    },
    { what: `${reviews} reviews to be in flight` },
  );
  return { requests, evaluator };
}

/** Their gate is opened. */
async function areAnswered(requests: Awaited<ReturnType<typeof slowReviews>>['requests']): Promise<void> {
  gate.open();
  for (const response of await Promise.all(requests)) expect(response.status.message).toBe('slow');
}

describe('a process is killed', () => {
  test('an evaluator in the middle of requests: they are asked again and answered', async () => {
    const { requests, evaluator } = await slowReviews(6);
    evaluator.kill('SIGKILL');
    await areAnswered(requests);
    await stack.start('evaluator');
  });

  test('nats-server: requests go on without a restart of ours', async () => {
    const pids = stack.alive();
    const during = stack.nats.restart();
    const requests = Array.from({ length: 20 }, () => stack.webhook.judge(DENY, review()));
    for (const response of await Promise.all(requests)) expect(response).toMatchObject(denied);
    await during;
    expect(await stack.webhook.judge(DENY, review())).toMatchObject(denied);
    expect(stack.alive()).toEqual(pids);
  });

  test('an evaluator with SIGTERM: nothing in flight is lost, and it ends with 0', async () => {
    const { requests, evaluator } = await slowReviews(6);
    evaluator.kill('SIGTERM');
    await areAnswered(requests);
    expect(await evaluator.exited).toMatchObject({ code: 0 });
    await stack.start('evaluator');
  });

  test.each(['compiler', 'controller', 'audit'] as const)(
    '%s with SIGTERM ends with 0; decisions go on',
    async (service) => {
      const child = stack.processes[service].at(-1);
      child?.kill('SIGTERM');
      expect(await child?.exited).toMatchObject({ code: 0 });
      expect(await stack.webhook.judge(DENY, review())).toMatchObject(denied);
      await stack.start(service);
    },
  );
});

test('no evaluator: 503 with a reason, before the deadline of the request', async () => {
  await Promise.all(stack.processes.evaluator.map((child) => child.stop()));
  const answer = await stack.webhook.review(DENY, review(), { timeout: '4s' });
  expect(answer.status).toBe(503);
  expect(JSON.parse(answer.text).message).toMatch(/^policy deny\.faults\.example was not judged: nobody serves/);
  await stack.start('evaluator');
  expect(await stack.webhook.judge(DENY, review())).toMatchObject(denied);
});

describe('configuration', () => {
  const main = (service: string) => join(import.meta.dirname, '../../services', service, 'dist/main.js');

  test.each(['gateway', 'evaluator', 'compiler', 'controller', 'audit'])(
    '%s: wrong values end it with 78 and every problem',
    async (service) => {
      const child = await startProcess(process.execPath, [main(service)], {
        env: { HEALTH_PORT: 'eighty', LOG_LEVEL: 'loud', TLS_CERT_FILE: '', TLS_KEY_FILE: '' },
      });
      expect(await child.exited).toMatchObject({ code: 78 });
      const output = child.lines.join('\n');
      expect(output).toContain('HEALTH_PORT must be a whole number from 0 to 65535, not "eighty"');
      expect(output).toContain('LOG_LEVEL must be one of');
    },
  );
});

test('a policy file that is removed is no longer served', async () => {
  await rm(join(dir.path, `${DENY}.yaml`));
  await waitFor(async () => (await stack.webhook.review(DENY, review())).status === 404, {
    what: 'the policy to be gone',
  });
});

test('a gateway with SIGTERM answers what is in flight', async () => {
  const { requests } = await slowReviews(4);
  stack.processes.gateway[0]?.kill('SIGTERM');
  await areAnswered(requests);
  expect(await stack.processes.gateway[0]?.exited).toMatchObject({ code: 0 });
});
