import { readFileSync } from 'node:fs';
import { admissionReview, pod, waitFor } from '@jspolicy/testing';
import { afterEach, expect, test } from 'vitest';
import type { EvaluationResult, SandboxPoolOptions } from './index.ts';
import { QUICK_MS, QUICK_RUN } from './pool/pace.ts';
import { messageOf, TestPool } from './pool-for-test.test-part.ts';

// Quick evaluations stand in line in a process. What happens to one must not happen to those behind it.
const CODE = `
  const { name } = request.object.metadata;
  if (name === 'slow') { const until = Date.now() + 70; while (Date.now() < until); }
  if (name === 'loop') for (;;);
  if (name === 'bomb') { const kept = []; for (;;) kept.push(new Array(100_000).fill(kept.length)); }
  deny(name);
`;

let own: TestPool;
afterEach(() => own.sandbox.stop());

/** A pool of one process that knows the policy as a quick one. */
async function quickPool(options: SandboxPoolOptions = {}): Promise<void> {
  own = new TestPool({ processes: 1, ...options });
  for (let inARow = 0; inARow < QUICK_RUN; ) inARow = (await isQuick()) ? inARow + 1 : 0;
}

/** The pool, which looks at less than the whole way, found it quick too then. */
async function isQuick(): Promise<boolean> {
  const beganAt = performance.now();
  await ask('before');
  return performance.now() - beganAt < QUICK_MS;
}

const ask = (name: string, limitMs = 120_000): Promise<EvaluationResult> =>
  own.run(CODE, { review: admissionReview({ object: pod({ name }) }), limitMs });

const children = (): number[] =>
  readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean)
    .map(Number);

const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `pod-${index}`);

test('each of many at once gets its own answer', async () => {
  await quickPool();
  const results = await Promise.all(names(300).map((name) => ask(name)));
  expect(results.map(messageOf)).toEqual(names(300));
});

test('a process that has grown is replaced between them', async () => {
  const before = children();
  await quickPool({ residentLimitMiB: 40 });
  const [first] = children().filter((pid) => !before.includes(pid));
  const results = await Promise.all(names(300).map((name) => ask(name)));
  expect(results.map(messageOf)).toEqual(names(300));
  expect(children()).not.toContain(first);
});

test('one that loops is stopped, those behind it are judged elsewhere', async () => {
  await quickPool();
  const loop = ask('loop', 1_000);
  const results = await Promise.all(names(20).map((name) => ask(name)));
  expect(results.map(messageOf)).toEqual(names(20));
  expect(await loop).toMatchObject({ kind: 'failed', failure: { cause: 'timeout' } });
});

test('one that ends its process ends none of the others', async () => {
  await quickPool();
  const bomb = ask('bomb');
  const results = await Promise.all(names(20).map((name) => ask(name)));
  expect(results.map(messageOf)).toEqual(names(20));
  expect(await bomb).toMatchObject({ kind: 'failed' });
});

const signals = ['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGSTOP'] as const;
test.each(signals)(
  'a process that somebody else ends with %s costs no answer, and nobody is blamed',
  async (signal) => {
    const told: string[] = [];
    const before = children();
    await quickPool({ onQuarantine: (policy) => told.push(policy) });
    for (let round = 0; round < 6; round++) {
      const asked = names(20).map((name) => ask(name));
      for (const pid of children()) if (!before.includes(pid)) process.kill(pid, signal);
      expect((await Promise.all(asked)).map(messageOf)).toEqual(names(20));
    }
    expect(told).toEqual([]);
  },
);

test('a process whose isolate is damaged is not used again, also when nobody waits for that result any more', async () => {
  await quickPool({ maxProcesses: 2 });
  // Slow enough to lose those behind it, which are judged elsewhere, and here once more.
  const slow = ask('slow');
  const loop = ask('loop', 3_000);
  expect(messageOf(await slow)).toBe('slow');
  expect(await loop).toMatchObject({ kind: 'failed', failure: { cause: 'timeout' } });
  const results = await Promise.all(names(10).map((name) => ask(name)));
  expect(results.map(messageOf)).toEqual(names(10));
});

test('a stop() that is called twice ends twice', async () => {
  await quickPool();
  const slow = ask('slow');
  await new Promise((resolve) => setImmediate(resolve));
  const stops = [own.sandbox.stop(), own.sandbox.stop()];
  expect(messageOf(await slow)).toBe('slow');
  await Promise.all(stops);
});

test('an evaluator that stood still itself does not blame policies for the silence', async () => {
  const told: string[] = [];
  await quickPool({ onQuarantine: (policy) => told.push(policy) });
  const asked = names(5).map((name) => ask(name, 3_000));
  await new Promise((resolve) => setImmediate(resolve));
  // Without taking time from the process that evaluates meanwhile.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3_500);
  expect((await Promise.all(asked)).map(messageOf)).toEqual(names(5));
  expect(told).toEqual([]);
});

test('what stood behind a slow one calls the host once, although its script does not spell the call', async () => {
  await quickPool({ maxProcesses: 2 });
  const hidden = `if (request.object.metadata.name === 'slow') { const until = Date.now() + 400; while (Date.now() < until); }
    else this['up' + 'date']({});`;
  const run = (name: string) =>
    own.run(hidden, { review: admissionReview({ object: pod({ name }) }), isolation: 'request' });
  for (let i = 0; i < 6; i++) await run('slow-not');
  const before = own.calls.length;
  await Promise.all([run('slow'), run('other')]);
  expect(own.calls.length - before).toBe(1);
});

test('while one loops, its own policy is judged in the processes that are idle', async () => {
  await quickPool({ processes: 2 });
  /** Whether nine others were judged before its time was over. */
  async function judgedBesideLoop(limitMs: number): Promise<boolean> {
    const loop = ask('loop', limitMs);
    let isOver = false;
    void loop.then(() => (isOver = true));
    for (let round = 0; round < 3; round++) {
      const results = await Promise.all(names(3).map((name) => ask(name)));
      expect(results.map(messageOf)).toEqual(names(3));
    }
    const inTime = !isOver;
    expect(await loop).toMatchObject({ kind: 'failed', failure: { cause: 'timeout' } });
    return inTime;
  }
  // A slow machine takes longer for nine.
  let limitMs = 8_000;
  for (; !(await judgedBesideLoop(limitMs)); limitMs *= 2) expect(limitMs).toBeLessThan(60_000);
});

test('an evaluation that has read through the host is repeated when somebody ends its process, one that may have written is not', async () => {
  const told: string[] = [];
  const before = children();
  await quickPool({ onQuarantine: (policy) => told.push(policy) });
  const judge = (write: string) => {
    const code = `get("Pod", "v1", "x"); ${write}; sleep(300); deny("done")`;
    return own.message(code, { hostCalls: ['get', 'remove', 'sleep'] });
  };
  const killed = async (write: string) => {
    const calls = own.calls.length;
    const sleeping = Promise.withResolvers<void>();
    own.asleep = sleeping.promise;
    const judged = judge(write);
    await waitFor(() => own.calls.slice(calls).includes('sleep'), { what: 'the policy to sleep' });
    for (const pid of children()) if (!before.includes(pid)) process.kill(pid, 'SIGTERM');
    own.asleep = undefined;
    return judged.finally(sleeping.resolve);
  };
  expect(await killed('')).toBe('done');
  for (let round = 0; round < 6; round++) {
    expect(await killed('remove({})')).toBe('sandbox of policy p.test.example ended unexpectedly');
  }
  expect(told).toEqual([]);
});

test.each([0, -1, Number.NaN])('with %d ms left nothing is evaluated', async (limitMs) => {
  await quickPool();
  expect(await ask('late', limitMs)).toEqual({ kind: 'refused', message: 'no time was left to evaluate the policy' });
});

test('a host call with hardly any time left ends the evaluation, without a warning of the timers', async () => {
  await quickPool();
  const warnings: string[] = [];
  const listen = (warning: Error) => warnings.push(warning.name);
  process.on('warning', listen);
  const options = { hostCalls: ['sleep', 'list'] };
  expect(await own.message('deny("warm")', options)).toBe('warm');
  for (const limitMs of [1, 5, 15]) await own.run('sleep(2); list("Pod", "v1")', { ...options, limitMs });
  process.off('warning', listen);
  expect(warnings).toEqual([]);
});
