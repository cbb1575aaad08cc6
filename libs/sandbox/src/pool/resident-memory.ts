import { readFileSync, writeFileSync } from 'node:fs';

const KIB_PER_MIB = 1024;
/** In KiB on every machine, whatever its pages are. */
const RESIDENT = /^VmRSS:\s+(\d+) kB$/m;

/** Resident memory of a process in MiB; 0 where it cannot be told. */
export function residentMiB(pid: number | undefined): number {
  try {
    return Number(RESIDENT.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / KIB_PER_MIB;
  } catch {
    return 0;
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
