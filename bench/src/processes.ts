import { readdirSync, readFileSync } from 'node:fs';

export interface NamedProcess {
  name: string;
  pid: number;
}

/** Linux counts processor time in hundredths of a second (USER_HZ). */
const TICK_US = 10_000;
const KIB_PER_MIB = 1024;

/** The processes and everything below them, named after their parent: `evaluator > sandbox`. */
export function withDescendants(processes: readonly NamedProcess[]): NamedProcess[] {
  const children = childrenByParent();
  const below = ({ name, pid }: NamedProcess): NamedProcess[] =>
    (children.get(pid) ?? [])
      .map((child) => ({ name: `${name} > ${nameOf(child)}`, pid: child }))
      .flatMap((child) => [child, ...below(child)]);
  return processes.flatMap((each) => [each, ...below(each)]);
}

function childrenByParent(): Map<number, number[]> {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync('/proc')) {
    const parent = /^\d+$/.test(entry) ? Number(statFields(Number(entry))?.[1]) : Number.NaN;
    if (Number.isNaN(parent)) continue;
    children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
  }
  return children;
}

/** The file that node runs, without folders and ending; the program's name elsewhere. */
function nameOf(pid: number): string {
  const [program = '', ...args] = readProc(pid, 'cmdline').split('\0');
  const script = args.find((arg) => /\.[cm]?js$/.test(arg)) ?? program;
  return script.replace(/^.*\//, '').replace(/\.[cm]?js$/, '') || String(pid);
}

/** Processor time since its start, microseconds; 0 when it is gone. */
export function cpuUs(pid: number): number {
  const { utime, stime } = ticksOf(pid);
  return (utime + stime) * TICK_US;
}

/**
 * Processor time of processes, microseconds by name, and of everything below each as `<name> > children`. Children that
 * have ended count too: one that is replaced while others measure does not drop out of the sum.
 */
export function cpuUsByName(processes: readonly NamedProcess[]): Map<string, number> {
  const used = new Map<string, number>();
  for (const root of processes) {
    used.set(root.name, (used.get(root.name) ?? 0) + cpuUs(root.pid));
    const below = withDescendants([root]).slice(1);
    const us = endedChildrenUs(root.pid) + sum(below.map(({ pid }) => cpuUs(pid) + endedChildrenUs(pid)));
    if (us > 0) used.set(`${root.name} > children`, (used.get(`${root.name} > children`) ?? 0) + us);
  }
  return used;
}

function endedChildrenUs(pid: number): number {
  const { cutime, cstime } = ticksOf(pid);
  return (cutime + cstime) * TICK_US;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function ticksOf(pid: number) {
  const [utime = 0, stime = 0, cutime = 0, cstime = 0] = statFields(pid)?.slice(11, 15).map(Number) ?? [];
  return { utime, stime, cutime, cstime };
}

/** Fields of /proc/<pid>/stat behind the name, which may hold spaces: state is 0, parent 1, utime 11 and so on. */
function statFields(pid: number): string[] | undefined {
  const stat = readProc(pid, 'stat');
  return stat === '' ? undefined : stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

export interface Memory {
  rssMiB: number;
  /** Shared pages counted in parts. */
  pssMiB: number;
}

export function memoryOf(pid: number): Memory {
  const kib = (text: string, key: string) => Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0);
  return {
    rssMiB: kib(readProc(pid, 'status'), 'VmRSS') / KIB_PER_MIB,
    pssMiB: kib(readProc(pid, 'smaps_rollup'), 'Pss') / KIB_PER_MIB,
  };
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    // It ended meanwhile.
    return '';
  }
}

/** Processor time of the whole machine since it was started, in ticks. */
export interface MachineTime {
  total: number;
  idle: number;
  steal: number;
}

export function machineTime(): MachineTime {
  const [, ...columns] = (readFileSync('/proc/stat', 'utf8').split('\n', 1)[0] ?? '').trim().split(/\s+/);
  const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, softirq = 0, steal = 0] = columns.map(Number);
  return { total: user + nice + system + idle + wait + irq + softirq + steal, idle: idle + wait, steal };
}

/** Share of the time between two readings that the hypervisor gave to others, 0..1. */
export function stealShare(before: MachineTime, after: MachineTime): number {
  const total = after.total - before.total;
  return total > 0 ? (after.steal - before.steal) / total : 0;
}
