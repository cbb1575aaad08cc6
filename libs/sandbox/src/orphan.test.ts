import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { waitFor } from '@jspolicy/testing';
import { expect, test } from 'vitest';
import { childCommand, GUARD_FD, PIPE_FD } from './pool/child-command.ts';

/** An evaluator in small: a pool with an evaluation that waits for its host for ever. Prints the pids of its children. */
const PARENT = `
const { createSandboxPool } = await import(${JSON.stringify(resolve(import.meta.dirname, '../dist/index.js'))});
const { readFileSync } = await import('node:fs');
const pool = createSandboxPool({ processes: 2 });
const digest = 'd';
await pool.load({ digest, script: 'list("Pod", "v1")', isolation: 'kept', isolationReason: '', preludeLength: 0, form: 'function-body', hostCalls: ['list'] });
const review = { kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', request: { uid: 'u' } };
void pool.evaluate({ policy: 'p', type: 'Validating', digest, review: Buffer.from(JSON.stringify(review)), limitMs: 60000,
  host: { print() {}, call() {
    console.log(readFileSync('/proc/' + process.pid + '/task/' + process.pid + '/children', 'utf8'));
    return new Promise(() => {});
  } } });
`;

/** Nothing in the isolate interrupts this; a process that nobody watches would go on for a long time. */
const STUBBORN = `
const { createSandboxPool } = await import(${JSON.stringify(resolve(import.meta.dirname, '../dist/index.js'))});
const { readFileSync } = await import('node:fs');
const pool = createSandboxPool({ processes: 1 });
await pool.load({ digest: 'd', script: 'print("x"); let b = 3n; for (;;) b *= b', isolation: 'request', isolationReason: '', preludeLength: 0, form: 'function-body', hostCalls: [] });
const review = { kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', request: { uid: 'u' } };
void pool.evaluate({ policy: 'p', type: 'Validating', digest: 'd', review: Buffer.from(JSON.stringify(review)), limitMs: 60000,
  host: { print() {}, async call() {} } });
const children = () => readFileSync('/proc/' + process.pid + '/task/' + process.pid + '/children', 'utf8').trim();
const busy = () => children().split(' ').some((pid) => Number(readFileSync('/proc/' + pid + '/stat', 'utf8').split(' ')[13]) > 100);
const timer = setInterval(() => { if (busy()) { clearInterval(timer); console.log(children()); } }, 20);
`;

test('also in the middle of code that nothing can interrupt', async () => {
  const parent = spawn(process.execPath, ['--input-type=module', '-e', STUBBORN], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  parent.stdout.on('data', (text: Buffer) => {
    output += text.toString();
  });
  await waitFor(() => output.trim(), { what: 'a sandbox process that has computed for a second' });
  const pids = output.trim().split(/\s+/).map(Number);
  parent.kill('SIGKILL');
  await waitFor(() => pids.every((pid) => !alive(pid)), { what: 'the sandbox processes to end' });
});

test('when the evaluator is killed, its sandbox processes end, also in the middle of a host call', async () => {
  const parent = spawn(process.execPath, ['--input-type=module', '-e', PARENT], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  parent.stdout.on('data', (text: Buffer) => {
    output += text.toString();
  });
  await waitFor(() => output.trim(), { what: 'the evaluation to wait for its host' });
  const pids = output.trim().split(/\s+/).map(Number);
  expect(pids.length).toBeGreaterThanOrEqual(2);
  parent.kill('SIGKILL');
  await waitFor(() => pids.every((pid) => !alive(pid)), { what: 'the sandbox processes to end' });
});

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test('where the kernel does not tell of the evaluator’s end, a thread does', async () => {
  const { command, args } = childCommand(64, []);
  const child = spawn(command, args, { cwd: '/', env: {}, stdio: ['ignore', 'inherit', 'inherit', 'pipe', 'pipe'] });
  const [pipe, guard] = [child.stdio[PIPE_FD], child.stdio[GUARD_FD]];
  await once(pipe as Readable, 'data');
  const ended = once(child, 'exit');
  guard?.destroy();
  expect(await ended).toEqual([null, 'SIGKILL']);
});
