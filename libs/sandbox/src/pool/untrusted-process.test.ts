import { admissionReview, pod } from '@jspolicy/testing';
import { afterEach, describe, expect, test } from 'vitest';
import { bundleOf } from '../pool-for-test.test-part.ts';
import type { Evaluation } from '../port.ts';
import type { ProcessOutcome } from './outcome.ts';
import { SandboxProcess } from './sandbox-process.ts';

// Processes that speak on the pipe as an engine does that policy code has taken over.
const CHILD = `
const { Socket } = await import('node:net');
const pipe = new Socket({ fd: 3, readable: true, writable: true });
const send = (header, length = Buffer.byteLength(JSON.stringify(header))) => {
  const prefix = Buffer.alloc(8);
  prefix.writeUInt32BE(length, 0);
  pipe.write(Buffer.concat([prefix, Buffer.from(JSON.stringify(header))]));
};
const review = { apiVersion: 'v1', uid: 'u', kind: { group: '', version: '', kind: '' }, operation: '', userInfo: {}, dryRun: false };
const result = { type: 'result', id: 0, prints: [], retire: false };
const verdict = { kind: 'verdict', verdict: { deny: false, warnings: [] }, review };
send({ type: 'ready' });
`;

let process: SandboxProcess;
afterEach(async () => {
  process.kill();
  await process.exited;
});

async function outcomeOf(speech: string): Promise<{ outcome: ProcessOutcome; calls: number }> {
  const code = `${CHILD} let asked = false; pipe.on('data', () => { if (!asked) { asked = true; ${speech} } });`;
  process = new SandboxProcess(64, {
    command: globalThis.process.execPath,
    args: ['--input-type=module', '-e', code],
  });
  await process.ready;
  const bundle = { ...bundleOf('deny("x")'), waits: false };
  let calls = 0;
  const evaluation: Evaluation = {
    policy: 'p.test.example',
    type: 'Validating',
    digest: bundle.digest,
    review: Buffer.from(JSON.stringify(admissionReview({ object: pod() }))),
    limitMs: 120_000,
    host: { call: async () => calls++, print: () => undefined },
  };
  const outcome = await new Promise<ProcessOutcome>((resolve) =>
    process.evaluate(evaluation, bundle, performance.now() + 120_000, resolve),
  );
  return { outcome, calls };
}

test('what has the form of a result is one', async () => {
  const { outcome } = await outcomeOf('send({ ...result, answer: verdict })');
  expect(outcome).toMatchObject({ result: { answer: { kind: 'verdict' } } });
});

const malformed: [string, string][] = [
  [
    'labels that are no texts',
    'send({ ...result, answer: { ...verdict, review: { ...review, object: { labels: { a: 1 } } } } })',
  ],
  [
    'a user whose name is no text',
    'send({ ...result, answer: { ...verdict, review: { ...review, userInfo: { username: 1 } } } })',
  ],
  ['a frame that is too large', 'send({ type: "ready" }, 17 * 1024 * 1024)'],
  ['no JSON', 'pipe.write(Buffer.from([0, 0, 0, 1, 0, 0, 0, 0, 65]))'],
  ['null', 'send(null)'],
  ['an unknown type', 'send({ type: "more" })'],
  ['a call without arguments', 'send({ type: "call", id: 0, call: 0, name: "get" })'],
  ['a call of something that has no name', 'send({ type: "call", id: 0, call: 0, name: {}, args: [] })'],
  ['a result without an answer', 'send(result)'],
  ['an unknown kind of answer', 'send({ ...result, answer: { ...verdict, kind: "constructor" } })'],
  ['warnings that are no texts', 'verdict.verdict.warnings = [{}]; send({ ...result, answer: verdict })'],
  ['a denial that is a text', 'verdict.verdict.deny = "yes"; send({ ...result, answer: verdict })'],
  ['a patch that is none', 'verdict.verdict.patch = [{ op: "move" }]; send({ ...result, answer: verdict })'],
  ['a review without a kind', 'delete review.kind; send({ ...result, answer: verdict })'],
  [
    'a failure of the engine',
    'send({ ...result, answer: { kind: "failed", failure: { cause: "no-bundle", message: "" } } })',
  ],
  ['an end without an answer', 'send({ type: "ended", id: 0 })'],
  ['prints that are no texts', 'send({ ...result, answer: verdict, prints: [1] })'],
];

describe('ends its process, and the policy is to blame', () => {
  test.each(malformed)('%s', async (_what, speech) => {
    const { outcome } = await outcomeOf(speech);
    expect(outcome).toMatchObject({ killedFor: 'damaged', byOthers: false });
  });

  test('what comes after that is not heard, also where it was read with it', async () => {
    const { outcome, calls } = await outcomeOf(
      `pipe.cork(); send({ type: 'more' }); send({ type: 'call', id: 0, call: 0, name: 'create', args: [{}] }); pipe.uncork()`,
    );
    expect(outcome).toMatchObject({ killedFor: 'damaged', mayRepeat: true });
    expect(calls).toBe(0);
  });

  test('an evaluation that is begun anew without end', async () => {
    const { outcome } = await outcomeOf(`for (let i = 0; i < 5; i++) send({ type: 'again', id: 0 })`);
    expect(outcome).toMatchObject({ killedFor: 'damaged' });
  });

  test('a flood of calls, of which the host sees the first few', async () => {
    const { outcome, calls } = await outcomeOf(
      'for (let call = 0; call < 2_000; call++) send({ type: "call", id: 0, call, name: "get", args: [] })',
    );
    expect(outcome).toMatchObject({ killedFor: 'damaged' });
    expect(calls).toBeLessThan(100);
  });

  test('what it said of the policy’s end before does not count', async () => {
    const { outcome } = await outcomeOf(`send({ type: 'ended', id: 0, answer: verdict }); send({ type: 'more' })`);
    expect(outcome).toMatchObject({ killedFor: 'damaged', ended: undefined });
  });
});

test('the end that it told stands when it ends by itself, unless it begins anew', async () => {
  const told = `send({ type: 'ended', id: 0, answer: verdict });`;
  const end = 'setImmediate(() => globalThis.process.exit(3))';
  const { outcome } = await outcomeOf(`${told} ${end}`);
  expect(outcome).toMatchObject({ died: 'exit code 3', ended: { kind: 'verdict' } });
  const again = await outcomeOf(`${told} send({ type: 'again', id: 0 }); ${end}`);
  expect(again.outcome).toMatchObject({ died: 'exit code 3', ended: undefined });
});
