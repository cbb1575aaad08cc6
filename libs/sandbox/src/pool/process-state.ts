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

/** Clock ticks of the kernel's figures for user space: 100 a second on every Linux. */
const MS_PER_TICK = 10;
/** Of what stands behind the program's name in /proc/PID/stat, utime and stime. */
const CPU_FIELDS = [11, 12];

/** The CPU time that a process has used, all of its threads, in steps of 10 ms. */
export function cpuTimeMs(pid: number | undefined): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name stands in parentheses and may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return CPU_FIELDS.reduce((sum, field) => sum + Number(fields[field] ?? 0), 0) * MS_PER_TICK;
  } catch {
    return undefined;
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
