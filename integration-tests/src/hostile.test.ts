import { admissionReview, pod, type TempDir, tempDir, waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { policy, writeManifests } from './manifests.ts';
import { type Stack, startStack } from './stack.ts';

/** Enough for what is calm, on a slow machine too. */
const LIMIT_SECONDS = 5;
const NEIGHBOUR = 'neighbour.hostile.example';
const timedOut = (name: string) => `script ${name} timed out`;

/** Policies that are harmless for a Pod named `calm` and hostile for any other. */
const hostile: { name: string; javascript: string; message: RegExp | typeof timedOut }[] = [
  { name: 'endless-loop', javascript: 'while (true) {}', message: timedOut },
  {
    name: 'catch-all-loop',
    javascript: 'while (true) { try { while (true) {} } catch {} finally { continue } }',
    message: timedOut,
  },
  { name: 'microtasks', javascript: 'const f = () => Promise.resolve().then(f); f();', message: /timed out|memory/ },
  {
    name: 'growing-map',
    javascript: 'const m = new Map(); for (let i = 0; ; i++) m.set(i, {i, a: [i]});',
    message: /memory|timed out|ended unexpectedly/,
  },
  {
    name: 'string-doubling',
    javascript: 'let s = "x"; for (;;) { s += s; s.charCodeAt(s.length - 1); }',
    message: /Invalid string length|memory|timed out|ended unexpectedly/,
  },
  { name: 'bigint', javascript: 'let b = 3n; for (;;) b *= b;', message: /BigInt|memory|timed out|ended unexpectedly/ },
  { name: 'regexp', javascript: '/^(a+)+$/.test("a".repeat(40) + "b"); warn("done")', message: timedOut },
  { name: 'recursion', javascript: '(function f() { f(); })();', message: /Maximum call stack size exceeded/ },
  { name: 'sleeping', javascript: 'for (;;) sleep(1000);', message: timedOut },
  {
    name: 'large-array',
    javascript: 'const a = []; for (;;) a.push(new Array(1e5).fill({}));',
    message: /memory|timed out|ended unexpectedly/,
  },
];
const full = (name: string) => `${name}.hostile.example`;
const wrap = (javascript: string) => `if (request.object.metadata.name === "calm") deny("calm");\n${javascript}`;
const calm = () => admissionReview({ object: pod({ name: 'calm' }) });
const wild = () => admissionReview({ object: pod({ name: 'wild' }) });

let dir: TempDir;
let stack: Stack;

beforeAll(async () => {
  dir = await tempDir();
  await writeManifests(dir.path, [
    policy(NEIGHBOUR, 'deny("neighbour")'),
    ...hostile.map(({ name, javascript }) => policy(full(name), wrap(javascript), { timeoutSeconds: LIMIT_SECONDS })),
    ...hostile.map(({ name, javascript }) =>
      policy(`ignored.${full(name)}`, wrap(javascript), { timeoutSeconds: LIMIT_SECONDS, failurePolicy: 'Ignore' }),
    ),
  ]);
  stack = await startStack({ cluster: { manifests: dir.path }, evaluators: 1 });
  const names = [NEIGHBOUR, ...hostile.flatMap(({ name }) => [full(name), `ignored.${full(name)}`])];
  for (const name of names)
    await waitFor(async () => (await stack.webhook.review(name, calm())).status === 200, {
      what: `${name} to be served`,
    });
});
afterAll(async () => {
  await stack?.stop();
  await dir?.remove();
});

describe.each(hostile)('$name', ({ name, message }) => {
  const expected = typeof message === 'function' ? new RegExp(`^${message(full(name))}$`) : message;

  test('Fail: the answer is the failure, neighbours and the next request are right, our processes live', async () => {
    const pids = stack.alive();
    const judged = stack.webhook.judge(full(name), wild());
    const neighbours = await Promise.all(Array.from({ length: 5 }, () => stack.webhook.judge(NEIGHBOUR, wild())));
    for (const neighbour of neighbours) expect(neighbour.status.message).toBe('neighbour');
    const response = await judged;
    expect(response).toMatchObject({ allowed: false, status: { code: 500 } });
    expect(response.status.message).toMatch(expected);
    expect((await stack.webhook.judge(full(name), calm())).status.message).toBe('calm');
    expect(stack.alive()).toEqual(pids);
  });

  test('Ignore: HTTP 500 with the text, so that the API server ignores it', async () => {
    const policyName = `ignored.${full(name)}`;
    const answer = await stack.webhook.review(policyName, wild());
    expect(answer).toMatchObject({ status: 500 });
    const text = JSON.parse(answer.text).message as string;
    expect(text).toMatch(typeof message === 'function' ? timedOut(policyName) : message);
    expect((await stack.webhook.judge(policyName, calm())).status.message).toBe('calm');
  });
});
