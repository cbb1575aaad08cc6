import { admissionReview, pod, waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Isolation, type RunOptions, TestPool } from './pool-for-test.test-part.ts';
import type { EvaluationResult } from './port.ts';

const LIMIT_MS = 1_000;
let pool: TestPool;
beforeAll(() => {
  pool = new TestPool();
});
afterAll(() => pool.sandbox.stop());

const timedOut = /^script hostile-\d+\.test\.example timed out$/;
const memory = /ran out of memory|timed out|ended unexpectedly/;
const hostile: [string, string, RegExp, string[]?][] = [
  ['an endless loop', 'while (true) {}', timedOut],
  ['a catch-all loop', 'while (true) { try { while (true) {} } catch {} finally { continue } }', timedOut],
  ['an endless microtask chain', 'const f = () => Promise.resolve().then(f); f()', memory],
  ['an endless generator', 'function* g() { while (true) yield 1 } for (const x of g()) {}', timedOut],
  ['backtracking', '/^(a+)+$/.test("a".repeat(40) + "b")', timedOut],
  ['BigInt squaring', 'let b = 3n; for (;;) b *= b', memory],
  ['a growing Map', 'const m = new Map(); for (let i = 0; ; i++) m.set(i, {i})', memory],
  [
    'string doubling',
    'let s = "x"; for (;;) { s += s; s.charCodeAt(s.length - 1) }',
    /Invalid string length|ran out of memory|timed out|ended unexpectedly/,
  ],
  ['a filled array', 'new Array(2 ** 28).fill({}).map(String)', memory],
  ['deep recursion', '(function f() { f() })()', /Maximum call stack size exceeded/],
  ['a host call that never returns', 'list("Pod", "v1")', timedOut, ['list']],
  ['sleeping past the limit', 'for (;;) sleep(100)', timedOut, ['sleep']],
];
let count = 0;

/** Its result. A machine on which no process was free in its short time is asked again. */
async function begun(code: string, options: RunOptions): Promise<EvaluationResult> {
  for (;;) {
    const result = await pool.run(code, options);
    if (result.kind !== 'refused') return result;
  }
}

describe.each<Isolation>(['kept', 'request'])('in a context of isolation %s', (isolation) => {
  test.each(hostile)('%s', async (_what, code, message, hostCalls = []) => {
    const policy = `hostile-${count++}.test.example`;
    const wrapped = `if (request.operation === "DELETE") deny("calm");\n${code}`;
    // What ends by itself has time to, on a busy machine too.
    const limit = message.source.startsWith('Maximum') ? {} : { limitMs: LIMIT_MS };
    const judged = begun(wrapped, { isolation, policy, hostCalls, ...limit });
    const neighbours = await Promise.all(Array.from({ length: 5 }, () => pool.message('deny("neighbour")')));
    expect(neighbours).toEqual(Array(5).fill('neighbour'));
    const result = await judged;
    expect(result).toMatchObject({ kind: 'failed', failure: { message: expect.stringMatching(message) } });
    const review = admissionReview({ object: pod(), operation: 'DELETE' });
    expect(await pool.message(wrapped, { isolation, policy, hostCalls, review })).toBe('calm');
  });
});

test('deny() stands, whatever loops after it', async () => {
  const code = 'try { deny("stands") } catch { while (true) {} }';
  let message = '';
  // It takes all of its time: more of it where a slow machine had not brought it to its first call.
  for (let limitMs = LIMIT_MS; message !== 'stands' && limitMs < 60_000; limitMs *= 2)
    message = await pool.message(code, { limitMs });
  expect(message).toBe('stands');
});

test('a policy that hangs leaves room for the others', async () => {
  const hanging = Array.from({ length: 6 }, () =>
    pool.run('while (true) {}', { policy: 'hangs.test.example', limitMs: LIMIT_MS }),
  );
  expect(await pool.message('deny("other")')).toBe('other');
  for (const result of await Promise.all(hanging)) expect(['failed', 'refused']).toContain(result.kind);
});

test('a policy that keeps ending processes is quarantined, and tried again', async () => {
  const told: string[] = [];
  const own = new TestPool({ processes: 1, onQuarantine: (policy) => told.push(policy) });
  const code = 'const kept = []; for (;;) kept.push(new Array(100_000).fill(kept.length))';
  // The limit is long: memory ends it, on a busy machine too.
  const options = { policy: 'bomb.test.example' };
  for (let i = 0; i < 5; i++) expect(await own.message(code, options)).toMatch(/ran out of memory|ended unexpectedly/);
  expect(told).toEqual(['bomb.test.example']);
  // The first one is over within a second, each next one lasts longer.
  const quarantined = /^policy bomb\.test\.example is quarantined: its code ended the sandbox 5 times/;
  await waitFor(async () => quarantined.test(await own.message(code, options)), { what: 'the quarantine to be told' });
  expect(await own.message('deny("other")')).toBe('other');
  // Its author has mended it.
  expect(await own.message('deny("mended")', options)).toBe('mended');
  await own.sandbox.stop();
});

test('a host function that fails by our fault fails the evaluation, whatever the policy catches', async () => {
  const result = await pool.run('try { create({}) } catch {} allow()', { hostCalls: ['create'] });
  expect(result).toMatchObject({ kind: 'failed', failure: { message: 'create() failed in the engine: see its log' } });
});

test('a review of some MiB is judged', async () => {
  const review = admissionReview({ object: pod({ annotations: { text: 'ü'.repeat(1_500_000) } }) });
  const code = 'deny(String(request.object.metadata.annotations.text.length))';
  for (const isolation of ['kept', 'request'] as const) {
    expect(await pool.message(code, { isolation, review })).toBe('1500000');
  }
});

test('more than may wait is refused at once, and stop() answers what waits', async () => {
  const own = new TestPool({ processes: 1, maxProcesses: 1, maxQueued: 2 });
  const runs = Array.from({ length: 5 }, () => own.run('sleep(50); deny("slept")', { hostCalls: ['sleep'] }));
  const kinds = (await Promise.all(runs)).map(({ kind }) => kind);
  expect(kinds.filter((kind) => kind === 'refused').length).toBeGreaterThan(0);
  expect(kinds[0]).toBe('verdict');
  await own.sandbox.stop();
  await own.sandbox.stop();
  expect(await own.run('deny("x")')).toMatchObject({ kind: 'refused' });
});
