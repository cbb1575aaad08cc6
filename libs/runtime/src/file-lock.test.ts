import { type ChildProcess, spawn } from 'node:child_process';
import { utimesSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockHolder, tryLock, withLock } from './file-lock.ts';
import { startedAt } from './other-process.ts';

let dir: string;
let file: string;
const children: ChildProcess[] = [];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'jspolicy-lock-'));
  file = join(dir, 'lock');
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await rm(dir, { recursive: true });
});

/** A process that runs `script` with tryLock and withLock; its lines as they come. */
function other(script: string): { child: ChildProcess; lines: AsyncIterator<string> } {
  const module = JSON.stringify(import.meta.resolve('./file-lock.ts'));
  const text = `const { tryLock, withLock } = await import(${module}); const file = ${JSON.stringify(file)}; ${script}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', text], { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
}
const HOLD = "await tryLock(file); console.log('held'); setInterval(() => {}, 1000);";
const exited = (child: ChildProcess) => new Promise((resolve) => child.once('exit', resolve));

test('one at a time, and nothing is left behind', async () => {
  let inside = 0;
  let most = 0;
  const work = async () => {
    most = Math.max(most, ++inside);
    await new Promise(setImmediate);
    inside--;
  };
  await Promise.all(Array.from({ length: 8 }, () => withLock(file, work)));
  expect(most).toBe(1);
  expect(await readdir(dir)).toEqual([]);
});

test('is free again after work that failed', async () => {
  await expect(withLock(file, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await withLock(file, async () => 'yes')).toBe('yes');
});

test('a living holder is told; one that was killed is replaced', async () => {
  const { child, lines } = other(HOLD);
  await lines.next();
  expect(await tryLock(file)).toEqual({ holder: expect.objectContaining({ pid: child.pid, host: hostname() }) });
  const waiting = withLock(file, async () => 'mine', { onWait: () => void child.kill('SIGKILL') });
  expect(await waiting).toBe('mine');
});

test('who holds it can be asked without taking it', async () => {
  expect(await lockHolder(file)).toBeUndefined();
  const { child, lines } = other(HOLD);
  await lines.next();
  expect(await lockHolder(file)).toMatchObject({ pid: child.pid });
  child.kill('SIGKILL');
  await exited(child);
  expect(await lockHolder(file)).toBeUndefined();
  expect(await readdir(dir)).toEqual(['lock']);
});

test('a pid that is another process by now holds nothing', async () => {
  const { child, lines } = other("console.log('there'); setInterval(() => {}, 1000);");
  await lines.next();
  const started = await startedAt(child.pid ?? 0);
  await writeFile(file, JSON.stringify({ pid: child.pid, started }));
  expect(await tryLock(file)).toHaveProperty('holder');
  await writeFile(file, JSON.stringify({ pid: child.pid, started: `${started} before` }));
  expect(await tryLock(file)).toHaveProperty('lock');
});

test('a lock that cannot be read is nobody’s, and release() does not take another’s', async () => {
  await writeFile(file, '');
  const taken = await tryLock(file);
  if (!('lock' in taken)) throw new Error('not taken');
  await writeFile(file, 'of somebody else');
  await taken.lock.release();
  expect(await readFile(file, 'utf8')).toBe('of somebody else');
});

test('a holder on another machine is gone after a long silence alone', async () => {
  await writeFile(file, JSON.stringify({ pid: 1, host: 'elsewhere', id: 'x' }));
  expect(await tryLock(file)).toEqual({ holder: expect.objectContaining({ host: 'elsewhere' }) });
  const longAgo = new Date(Date.now() - 3_600_000);
  utimesSync(file, longAgo, longAgo);
  expect(await tryLock(file)).toHaveProperty('lock');
});

test('of many processes that find a dead holder’s lock at once, one has it', async () => {
  const dead = other(HOLD);
  await dead.lines.next();
  const gone = exited(dead.child);
  dead.child.kill('SIGKILL');
  await gone;
  const left = await readFile(file, 'utf8');
  // All are ready before they may begin; those that lose go on looking for as long as the winner holds it.
  const script = `console.log('ready'); process.stdin.on('data', async () => {
    for (let tries = 0; tries < 20; tries++) if ('lock' in await tryLock(file)) { console.log('mine'); setInterval(() => {}, 1000); return; }
    console.log('not mine'); });`;
  const racers = Array.from({ length: 6 }, () => other(script));
  await Promise.all(racers.map(({ lines }) => lines.next()));
  expect(await readFile(file, 'utf8')).toBe(left);
  for (const { child } of racers) child.stdin?.write('go\n');
  const said = await Promise.all(racers.map(async ({ lines }) => (await lines.next()).value));
  expect(said.filter((line) => line === 'mine')).toHaveLength(1);
  expect((await readdir(dir)).filter((name) => name.includes('left'))).toEqual([]);
});
