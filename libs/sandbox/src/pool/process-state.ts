import { readFileSync, writeFileSync } from 'node:fs';

const KIB_PER_MIB = 1024;
/** In KiB on every machine, whatever its pages are. */
const RESIDENT = /^VmRSS:\s+(\d+) kB$/m;

/** T: stopped by a signal, t: by a debugger. */
const STOPPED = /^State:\s+[Tt] /m;

export interface ProcessState {
  residentMiB: number;
  isStopped: boolean;
}

/** How a process stands; 0 MiB and not stopped where it cannot be told. */
export function processState(pid: number | undefined): ProcessState {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return { residentMiB: Number(RESIDENT.exec(status)?.[1] ?? 0) / KIB_PER_MIB, isStopped: STOPPED.test(status) };
  } catch {
    return { residentMiB: 0, isStopped: false };
  }
}

/** Where memory runs out on the machine, the kernel ends this process and not the evaluator. */
export function offerToOomKiller(pid: number | undefined): void {
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, '1000');
  } catch {
    // Another system, or gone already.
  }
}
