import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createWriteStream, type WriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { ServersError } from './errors.ts';

const LAST_LINES = 20;
const STOP_TIMEOUT_MS = 10_000;
// Whole, because the child's own PATH need not have it.
const SETPRIV = '/usr/bin/setpriv';

export interface ChildOptions {
  /** For messages. */
  name: string;
  command: string;
  args: string[];
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Gets all output, appended. */
  logFile?: string;
  onLine?: (line: string) => void;
  /** How long stop() waits after SIGTERM before it sends SIGKILL. */
  stopTimeoutMs?: number;
}

export interface ChildExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A running process of ours. It ends with this one, however that ends where the kernel can see to it (Linux). */
export interface Child {
  readonly name: string;
  readonly pid: number;
  /** Settles when the process has gone and its output was read; never rejects. */
  readonly exited: Promise<ChildExit>;
  /** Undefined while it runs. */
  readonly exit: ChildExit | undefined;
  lastLines(): string;
  kill(signal: NodeJS.Signals): void;
  /** SIGTERM, then SIGKILL when that takes too long. May be called twice. */
  stop(): Promise<void>;
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts a process. Resolves once it has a pid; it may still end at once. Throws SERVER_NOT_STARTED when it cannot run. */
export async function startChild(options: ChildOptions): Promise<Child> {
  const { name, command, args, cwd, env = process.env, stopTimeoutMs = STOP_TIMEOUT_MS } = options;
  const bound = await endsWithUs();
  const [file, all] = bound ? [SETPRIV, ['--pdeathsig', 'TERM', command, ...args]] : [command, args];
  // In a group of its own Ctrl-C does not reach it before its users have finished. Only where it cannot outlive us.
  const spawned = spawn(file, all, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: bound });
  const lines = readLines(spawned, options);
  running.add(spawned);
  let exit: ChildExit | undefined;
  const exited = new Promise<ChildExit>((resolve) => {
    spawned.once('close', (code, signal) => {
      running.delete(spawned);
      exit = { code, signal };
      resolve(exit);
    });
  });
  const pid = await pidOf(spawned, name);
  return {
    name,
    pid,
    exited,
    get exit() {
      return exit;
    },
    lastLines: () => lines.join('\n'),
    kill: (signal) => void spawned.kill(signal),
    stop: () => stop(spawned, exited, stopTimeoutMs),
  };
}

function readLines(spawned: ChildProcess, { logFile, onLine }: ChildOptions): string[] {
  const last: string[] = [];
  const log: WriteStream | undefined = logFile ? createWriteStream(logFile, { flags: 'a' }) : undefined;
  // A log that cannot be written is no reason to end the server that writes it.
  log?.on('error', () => {});
  spawned.once('close', () => log?.end());
  for (const stream of [spawned.stdout, spawned.stderr]) {
    if (!stream) continue;
    createInterface({ input: stream }).on('line', (line) => {
      last.push(line);
      if (last.length > LAST_LINES) last.shift();
      log?.write(`${line}\n`);
      onLine?.(line);
    });
  }
  return last;
}

function pidOf(spawned: ChildProcess, name: string): Promise<number> {
  return new Promise((resolve, reject) => {
    spawned.once('spawn', () => resolve(spawned.pid as number));
    spawned.once('error', (cause) =>
      reject(new ServersError('SERVER_NOT_STARTED', `${name} cannot be run: ${cause.message}`, { cause })),
    );
  });
}

async function stop(spawned: ChildProcess, exited: Promise<ChildExit>, timeoutMs: number): Promise<void> {
  spawned.kill('SIGTERM');
  // A paused process would not see it.
  spawned.kill('SIGCONT');
  const timer = setTimeout(() => spawned.kill('SIGKILL'), timeoutMs);
  await exited;
  clearTimeout(timer);
}

let setprivWorks: Promise<boolean> | undefined;

/** Whether the kernel can be told to end our children with us; the busybox setpriv, for one, cannot tell it. */
function endsWithUs(): Promise<boolean> {
  setprivWorks ??= promisify(execFile)(SETPRIV, ['--pdeathsig', 'TERM', 'true']).then(
    () => true,
    () => false,
  );
  return setprivWorks;
}
