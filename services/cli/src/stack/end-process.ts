import { isAlive, pause } from '@jspolicy/runtime';

const POLL_MS = 20;
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
