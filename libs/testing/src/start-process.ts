import { type Child, startChild } from '@jspolicy/servers';
import { waitFor } from './wait-for.ts';

const READY_TIMEOUT_MS = 120_000;
const STOP_TIMEOUT_MS = 60_000;

export interface ProcessOptions {
  /** On top of this process's own. */
  env?: Record<string, string>;
  cwd?: string;
  /** A line of its output, or anything to ask, as its /readyz. Without it the process is ready once it has a pid. */
  readyWhen?: RegExp | (() => boolean | Promise<boolean>);
  readyTimeoutMs?: number;
  /** How long stop() waits before SIGKILL: a minute unless given. */
  stopTimeoutMs?: number;
}

export interface TestProcess extends Child {
  /** All lines so far, of both its outputs. */
  readonly lines: readonly string[];
}

/** Starts a process of ours, as `startProcess(process.execPath, ['services/gateway/dist/main.js'])`. The caller stops it. */
export async function startProcess(command: string, args: string[], options: ProcessOptions = {}) {
  const { env, cwd, readyWhen, readyTimeoutMs = READY_TIMEOUT_MS, stopTimeoutMs = STOP_TIMEOUT_MS } = options;
  const lines: string[] = [];
  const child = await startChild({
    name: [command, ...args].join(' '),
    command,
    args,
    env: { ...process.env, ...env },
    onLine: (line) => lines.push(line),
    ...(cwd !== undefined && { cwd }),
    stopTimeoutMs,
  });
  const started: TestProcess = Object.defineProperty(child as TestProcess, 'lines', { value: lines });
  if (readyWhen) await untilReady(started, readyWhen, readyTimeoutMs);
  return started;
}

async function untilReady(child: TestProcess, readyWhen: NonNullable<ProcessOptions['readyWhen']>, timeoutMs: number) {
  const ready = () => (readyWhen instanceof RegExp ? child.lines.some((line) => readyWhen.test(line)) : readyWhen());
  try {
    // An end counts as an answer: there is nothing left to wait for.
    await waitFor(async () => child.exit ?? (await ready()), { what: `${child.name} to be ready`, timeoutMs });
    if (child.exit) throw new Error(`it ended with ${child.exit.signal ?? child.exit.code}`);
  } catch (cause) {
    await child.stop();
    throw new Error(`${child.name} did not get ready. Its output:\n${child.lines.join('\n')}`, { cause });
  }
}
