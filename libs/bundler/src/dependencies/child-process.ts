import { spawn } from 'node:child_process';

export interface ChildOutcome {
  code: number | null;
  stdout: string;
  stderr: string;
  /** Why it was killed, when it was. */
  stopped?: string;
}

/** Of a longer output only the start is kept. */
const MAX_OUTPUT_LENGTH = 256 * 1024;

/**
 * Runs a command to its end, in a process group of its own that is killed as a whole when `signal` aborts (with the reason's
 * text as `stopped`). Resolves also for an exit code that is not 0; rejects when it cannot be started.
 */
export function runChild(
  file: string,
  args: string[],
  options: { cwd: string; env: NodeJS.ProcessEnv; signal: AbortSignal },
): Promise<ChildOutcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd: options.cwd,
      env: options.env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const outcome: ChildOutcome = { code: null, stdout: '', stderr: '' };
    const collect = (key: 'stdout' | 'stderr') => (chunk: string) => {
      outcome[key] = (outcome[key] + chunk).slice(0, MAX_OUTPUT_LENGTH);
    };
    child.stdout.setEncoding('utf8').on('data', collect('stdout'));
    child.stderr.setEncoding('utf8').on('data', collect('stderr'));
    const stop = () => {
      outcome.stopped = String(options.signal.reason);
      killGroup(child.pid);
    };
    if (options.signal.aborted) stop();
    options.signal.addEventListener('abort', stop, { once: true });
    child.once('error', reject);
    child.once('close', (code) => {
      options.signal.removeEventListener('abort', stop);
      resolve({ ...outcome, code });
    });
  });
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
