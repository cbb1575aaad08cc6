import { readFileSync, writeFileSync } from 'node:fs';

const PAGE_BYTES = 4096;
const BYTES_PER_MIB = 1024 * 1024;

/** Resident memory of a process in MiB; 0 where it cannot be told. */
export function residentMiB(pid: number | undefined): number {
  try {
    const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]);
    return (pages * PAGE_BYTES) / BYTES_PER_MIB;
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
