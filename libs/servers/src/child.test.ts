import { spawn, spawnSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startChild } from './child.ts';

const STUBBORN = 'process.on("SIGTERM", () => {}); console.log("up"); setInterval(() => {}, 1000)';

test('a process that does not heed SIGTERM is killed', async () => {
  let up = () => {};
  const started = new Promise<void>((resolve) => {
    up = resolve;
  });
  const args = ['-e', STUBBORN];
  const child = await startChild({ name: 'it', command: process.execPath, args, onLine: up, stopTimeoutMs: 50 });
  await started;
  await child.stop();
  expect(child.exit).toEqual({ code: null, signal: 'SIGKILL' });
});

test('a command that is not there is an error that names it, or an exit', async () => {
  const child = await startChild({ name: 'it', command: '/nothing/here', args: [] }).catch((error) => error);
  if (child instanceof Error) expect(child).toMatchObject({ code: 'SERVER_NOT_STARTED' });
  else expect([(await child.exited).code, child.lastLines()]).toEqual([127, expect.stringContaining('/nothing/here')]);
});

const canBind = spawnSync('/usr/bin/setpriv', ['--pdeathsig', 'TERM', 'true']).status === 0;

test.runIf(canBind)('ends with a parent that was killed', async () => {
  const script = `const { startChild } = await import(${JSON.stringify(import.meta.resolve('./child.ts'))});
    const child = await startChild({ name: 'it', command: 'sleep', args: ['600'] });
    console.log(child.pid);`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const pid = Number(await new Promise((resolve) => parent.stdout.once('data', resolve)));
  expect(isAlive(pid)).toBe(true);
  parent.kill('SIGKILL');
  while (isAlive(pid)) await delay(20);
});

function isAlive(pid: number): boolean {
  // A zombie that nobody has reaped yet still has a pid, but no state of running.
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
  return stdout.trim() !== '' && !stdout.startsWith('Z');
}
