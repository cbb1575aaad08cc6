import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

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
