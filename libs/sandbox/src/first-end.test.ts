import { readFileSync } from 'node:fs';
import { waitFor } from '@jspolicy/testing';
import { afterEach, describe, expect, test } from 'vitest';
import { cpuTimeMs } from './pool/process-state.ts';
import { type Isolation, type RunOptions, TestPool } from './pool-for-test.test-part.ts';
import type { EvaluationResult } from './port.ts';

// The first end of a policy decides, whatever its code does after it, and whatever becomes of its process.
/** One after the other, until the machine was fast enough to bring the policy to its end within it. */
const LIMITS_MS = [2_000, 10_000, 40_000];
/** So much of a processor's time, and the policy is past its end: what comes before takes a few milliseconds. */
const PAST_THE_END_MS = 300;

let pool: TestPool;
afterEach(() => pool.sandbox.stop());

/** What is told of a policy that has no time left. */
async function cutOff(code: string, options: RunOptions = {}): Promise<EvaluationResult> {
  let told: EvaluationResult | undefined;
  for (const limitMs of LIMITS_MS) {
    // One that was ended too soon is not to count against the next.
    pool = new TestPool({ processes: 1 });
    await pool.message('deny("warm")');
    told = await pool.run(code, { ...options, limitMs });
    if (told.kind === 'verdict') break;
    await pool.sandbox.stop();
  }
  return told as EvaluationResult;
}

const children = (): number[] =>
  readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean)
    .map(Number);

const afterwards: [string, string][] = [
  ['loops', 'for (;;);'],
  ['squares BigInts, which the isolate’s own timer does not end', 'let b = 3n; for (;;) b *= b'],
  ['takes memory without end', 'const m = new Map(); for (let i = 0; ; i++) m.set(i, { i })'],
  ['fills arrays', 'const kept = []; for (;;) kept.push(new Array(2 ** 24).fill({}))'],
  ['makes microtasks without end', 'const f = () => Promise.resolve().then(f); f()'],
];

const ways = [
  ['kept', []],
  ['request', []],
  ['kept', ['get']],
] as [Isolation, string[]][];

describe.each(ways)('isolation %s, host calls %j', (isolation, hostCalls) => {
  const first = hostCalls.length > 0 ? 'get("Pod", "v1", "x");' : '';
  const options: RunOptions = { isolation, hostCalls };

  test.each(afterwards)('deny() stands in a policy that then %s', async (_what, code) => {
    const result = await cutOff(`${first} try { deny("stands") } catch {} ${code}`, options);
    expect(result).toMatchObject({
      kind: 'verdict',
      verdict: { deny: true, message: 'stands' },
      review: { uid: 'u-1' },
    });
  });
});

test('allow(), mutate() and what was warned of stand, too', async () => {
  const after = 'let b = 3n; for (;;) b *= b';
  const allowed = await cutOff(`warn("w"); try { allow() } catch {} ${after}`);
  await pool.sandbox.stop();
  expect(allowed).toMatchObject({ verdict: { deny: false, warnings: ['w'] } });
  const code = `request.object.metadata.labels.x = "y"; try { mutate(request.object) } finally { ${after} }`;
  expect(await cutOff(code, { type: 'Mutating' })).toMatchObject({
    verdict: { patch: [{ op: 'add', path: '/metadata/labels/x', value: 'y' }] },
  });
});

test('deny() stands where only a function of the language says that code goes on later', async () => {
  const fills = 'const kept = []; Array.fromAsync([1], () => { for (;;) kept.push(new Array(2 ** 24).fill({})) })';
  const result = await cutOff(`Array.fromAsync([1], () => deny("stands")); ${fills}`);
  expect(result).toMatchObject({ verdict: { deny: true, message: 'stands' } });
});

test('what is no end does not count: a policy that sets its response and loops has timed out', async () => {
  pool = new TestPool({ processes: 1 });
  const code = '__response.deny = true; try { null.x } catch {} let b = 3n; for (;;) b *= b';
  expect(await pool.run(code, { limitMs: 2_000 })).toMatchObject({ kind: 'failed' });
});

test('deny() at the end of the stack stands, and so do the next ones', async () => {
  pool = new TestPool({ processes: 1 });
  const code = 'const f = () => { try { f() } catch {} try { deny("deep") } catch {} }; f()';
  for (let round = 0; round < 10; round++) expect(await pool.message(code)).toBe('deep');
});

describe('in a process that gets no processor time any more, or is ended by somebody', () => {
  test.each(['SIGSTOP', 'SIGKILL'] as const)('deny() stands: %s, each time', async (signal) => {
    const before = children();
    const told: string[] = [];
    pool = new TestPool({ processes: 1, maxProcesses: 1, onQuarantine: (policy) => told.push(policy) });
    await pool.message('deny("warm")');
    const own = () => children().filter((pid) => !before.includes(pid));
    let isOver = false;
    const judged = pool.message('try { deny("stands") } catch {} for (;;);').finally(() => (isOver = true));
    // Its first process, and those where it would be judged once more.
    while (!isOver) {
      const start = new Map(own().map((pid) => [pid, cpuTimeMs(pid) ?? 0]));
      const isPast = (pid: number) => (cpuTimeMs(pid) ?? 0) > (start.get(pid) ?? 0) + PAST_THE_END_MS;
      await waitFor(() => isOver || own().some(isPast), { what: 'the policy to loop' });
      for (const pid of own().filter(isPast)) process.kill(pid, signal);
    }
    expect(await judged).toBe('stands');
    expect(told).toEqual([]);
  });
});
