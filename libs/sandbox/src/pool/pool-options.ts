import type { Logger } from '@jspolicy/runtime';

export interface SandboxPoolOptions {
  /** Evaluations that may run at once; one process more stands ready. Default 2. */
  processes?: number;
  /** Processes at most, while evaluations wait behind slow ones. Default: processes and 2 more. */
  maxProcesses?: number;
  /** Evaluations that wait for a process; more are refused. Default 1,000. */
  maxQueued?: number;
  /** Heap of the isolate in a process, MiB. Default 128. */
  memoryLimitMiB?: number;
  /**
   * Resident memory that an evaluation may bring its process to before it is killed, MiB. Default: the heap's limit and
   * 384. A process that is large before an evaluation begins is replaced between two of them, and nobody is blamed.
   */
  residentLimitMiB?: number;
  /**
   * A classic script that is evaluated in front of every policy, in its global scope; '' for none. What it declares cannot be
   * put back between two evaluations, so that each has a context of its own.
   */
  globalContext?: string;
  log?: Logger;
  /** A policy is not evaluated until then (milliseconds since the epoch). */
  onQuarantine?(policy: string, until: number, reason: string): void;
  /** false: there is no process and none can be started, so nothing is evaluated; it is tried again. true: there is one. */
  onAvailable?(available: boolean): void;
}

export type PoolSettings = Required<Omit<SandboxPoolOptions, 'log' | 'onQuarantine' | 'onAvailable'>> &
  Pick<SandboxPoolOptions, 'log' | 'onQuarantine' | 'onAvailable'>;

export function poolSettings(options: SandboxPoolOptions): PoolSettings {
  const { processes = 2, memoryLimitMiB = 128 } = options;
  return {
    maxQueued: 1_000,
    maxProcesses: processes + 2,
    residentLimitMiB: memoryLimitMiB + 384,
    globalContext: '',
    ...options,
    processes,
    memoryLimitMiB,
  };
}
