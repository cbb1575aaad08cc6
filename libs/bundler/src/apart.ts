import { type ChildProcess, fork } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Said } from './work-apart.ts';

/** How a piece of work ended that was done in a process of its own. */
export type Apart<T> =
  | { done: T }
  /** Its time or its memory was over: that is the work's. */
  | { over: 'time' | 'memory' }
  /** Somebody else ended the process. */
  | { ended: string };

/** What the engine ends itself with where it gets no memory. */
const OUT_OF_MEMORY = new Set<string>(['SIGABRT', 'SIGTRAP', 'SIGILL', 'SIGSEGV']);
/** A process that has not ended so long after it was told to is killed. */
const END_MS = 2_000;

/** Work without a pause does not notice that whoever asked for it is gone: it is ended with this process. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGTERM');
});

interface ApartOptions {
  timeoutMs: number;
  /** Of the heap. */
  memoryLimitMiB: number;
  /** None by default. */
  env?: NodeJS.ProcessEnv;
  /** Ends it. */
  signal?: AbortSignal;
}

/**
 * Does one piece of work in a process of its own, so that whoever asks stays as quick and as small as he was. `name`: of a
 * module beside the one of `base` that calls workApart(). Rejects when it cannot be started, and for what the work throws.
 */
export async function apart<T>(
  base: string,
  name: string,
  work: object | string,
  options: ApartOptions,
): Promise<Apart<T>> {
  const { timeoutMs, memoryLimitMiB, env = {}, signal } = options;
  const child = fork(fileURLToPath(new URL(`./${name}${extname(base)}`, base)), {
    env,
    execArgv: [`--max-old-space-size=${memoryLimitMiB}`],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  if (child.pid !== undefined) running.add(child);
  const stop = () => end(child);
  signal?.addEventListener('abort', stop, { once: true });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  void exited.then(() => running.delete(child));
  try {
    const outcome = await outcomeOf<T>(child, work, timeoutMs);
    stop();
    // Whoever asked may end now, and then nobody would kill it any more.
    if ('over' in outcome) await exited;
    return outcome;
  } finally {
    signal?.removeEventListener('abort', stop);
    stop();
  }
}

/** It may have processes of its own to end first. */
function end(child: ChildProcess): void {
  if (child.killed || child.exitCode !== null || child.signalCode !== null) return;
  const timer = setTimeout(() => child.kill('SIGKILL'), END_MS);
  child.once('exit', () => clearTimeout(timer));
  child.kill('SIGTERM');
}

function outcomeOf<T>(child: ChildProcess, work: object | string, timeoutMs: number): Promise<Apart<T>> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => settle({ over: 'time' }), timeoutMs);
    const settle = (outcome: Apart<T>) => {
      clearTimeout(timer);
      resolve(outcome);
    };
    const fail = (error: Error) => {
      clearTimeout(timer);
      reject(error);
    };
    child.once('message', (said: Said<T>) => ('failed' in said ? fail(new Error(said.failed)) : settle(said)));
    child.once('exit', (code, signal) =>
      settle(OUT_OF_MEMORY.has(signal ?? '') ? { over: 'memory' } : { ended: signal ?? `exit code ${code}` }),
    );
    child.once('error', fail);
    // That it could not be sent shows in the exit.
    child.send(work, () => undefined);
  });
}
