import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { pause } from '@jspolicy/runtime';

const run = promisify(execFile);
const POLL_MS = 20;

/** True for any process of that pid, another user's too. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** When a process began, in a form that only says whether two are the same; undefined when it cannot be found out. */
export async function startedAt(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // Field 22 of proc_pid_stat(5); the second field, the name in brackets, may hold spaces.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[22 - 3];
  } catch {
    return askPs(pid, 'lstart=');
  }
}

/** Its command and arguments, separated by spaces. */
export async function commandLine(pid: number): Promise<string | undefined> {
  try {
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ').trim();
  } catch {
    return askPs(pid, 'args=');
  }
}

async function askPs(pid: number, column: string): Promise<string | undefined> {
  return run('ps', ['-p', String(pid), '-o', column]).then(
    ({ stdout }) => stdout.trim(),
    () => undefined,
  );
}

/** How long the kernel may take to end a process. */
const KILL_MS = 5_000;

/** Asks a process that is no child of ours to end, and makes it after timeoutMs. Resolves when it is gone. */
export async function endProcess(pid: number, timeoutMs: number): Promise<void> {
  signal(pid, 'SIGTERM');
  const end = performance.now() + timeoutMs;
  while (isAlive(pid) && performance.now() < end) await pause(POLL_MS);
  if (!isAlive(pid)) return;
  signal(pid, 'SIGKILL');
  // A zombie, which only its parent can take away, counts as alive: it does nothing any more.
  const gone = performance.now() + KILL_MS;
  while (isAlive(pid) && performance.now() < gone) await pause(POLL_MS);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It is gone already.
  }
}
