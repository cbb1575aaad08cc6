import { type ChildProcess, fork } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** How a piece of work ended that was done in a process of its own. */
export type Apart<T> =
  | { done: T }
  /** Its time or its memory was over: that is the work's. */
  | { over: 'time' | 'memory' }
  /** Somebody else ended the process. */
  | { ended: string };

/** What the engine ends itself with where it gets no memory. */
const OUT_OF_MEMORY = new Set<string>(['SIGABRT', 'SIGTRAP', 'SIGILL', 'SIGSEGV']);

interface Limits {
  timeoutMs: number;
  /** Of the heap. */
  memoryLimitMiB: number;
}

/**
 * Does one piece of work in a process of its own, so that whoever asks stays as quick and as small as he was. `name`: of a
 * module beside the one of `base` that calls workApart(). The process has no environment. Rejects when it cannot be started.
 */
export async function apart<T>(base: string, name: string, work: unknown, limits: Limits): Promise<Apart<T>> {
  const child = fork(fileURLToPath(new URL(`./${name}${extname(base)}`, base)), {
    env: {},
    execArgv: [`--max-old-space-size=${limits.memoryLimitMiB}`],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  try {
    return await outcomeOf<T>(child, work, limits.timeoutMs);
  } finally {
    child.kill('SIGKILL');
  }
}

function outcomeOf<T>(child: ChildProcess, work: unknown, timeoutMs: number): Promise<Apart<T>> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => settle({ over: 'time' }), timeoutMs);
    const settle = (outcome: Apart<T>) => {
      clearTimeout(timer);
      resolve(outcome);
    };
    child.once('message', (done) => settle({ done: done as T }));
    child.once('exit', (code, signal) =>
      settle(OUT_OF_MEMORY.has(signal ?? '') ? { over: 'memory' } : { ended: signal ?? `exit code ${code}` }),
    );
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    // That it could not be sent shows in the exit.
    child.send(work as object, () => undefined);
  });
}
