import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { SandboxProcess } from './pool/sandbox-process.ts';

/** An evaluator in small that runs out of file descriptors, loses its sandbox process, and gets descriptors again. */
const PARENT = `
const { createSandboxPool } = await import(${JSON.stringify(resolve(import.meta.dirname, '../dist/index.js'))});
const { openSync, closeSync, readFileSync } = await import('node:fs');
const told = [], logged = [];
const pool = createSandboxPool({ processes: 1, maxProcesses: 1, onAvailable: (available) => told.push(available),
  log: { warn() {}, error: (_data, text) => logged.push(text) } });
await pool.load({ digest: 'd', script: 'deny("x")', isolation: 'kept', isolationReason: '', preludeLength: 0, form: 'function-body', hostCalls: [] });
const review = { kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', request: { uid: 'u' } };
const judge = async (limitMs) => {
  const result = await pool.evaluate({ policy: 'p', type: 'Validating', digest: 'd', limitMs,
    review: Buffer.from(JSON.stringify(review)), host: { print() {}, async call() {} } });
  return result.kind + ' ' + (result.message ?? result.verdict.message);
};
const answers = [await judge(20_000)];
const [pid] = readFileSync('/proc/self/task/' + process.pid + '/children', 'utf8').trim().split(' ').map(Number);
const held = [];
try { for (;;) held.push(openSync('/dev/null')); } catch {}
process.kill(pid, 'SIGKILL');
while (told.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
answers.push(await judge(300));
for (const each of held) closeSync(each);
answers.push(await judge(20_000));
await pool.stop();
console.log(JSON.stringify({ answers, told, logged: [...new Set(logged)] }));
`;

test('without file descriptors the evaluator lives, tells, and starts its sandbox when there are some', async () => {
  const node = `ulimit -n 200; exec "$0" --input-type=module -e "$1"`;
  const parent = spawn('/bin/sh', ['-c', node, process.execPath, PARENT], { stdio: ['ignore', 'pipe', 'inherit'] });
  expect(JSON.parse(await text(parent.stdout))).toEqual({
    answers: [
      'verdict x',
      expect.stringMatching(/^refused no sandbox process can be started: .*no file descriptor is left$/),
      'verdict x',
    ],
    told: [false, true],
    logged: ['sandbox process does not start'],
  });
});

test('a command that is not there is an end like others', async () => {
  const started = new SandboxProcess(64, { command: '/nowhere/node', args: [] });
  await started.exited;
  expect(started.ending).toContain('ENOENT');
  expect(started.wasReady).toBe(false);
});
