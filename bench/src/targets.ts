import type { AuditResult } from './audit.ts';
import type { ProcessMemory } from './memory.ts';
import type { Results } from './results.ts';

/** What is aimed at, and whether this run reached it. */
export interface Target {
  name: string;
  /** At most, or at least where `atLeast` is set. */
  limit: number;
  atLeast?: boolean;
  measured: number;
  unit: string;
  met: boolean;
}

const LATENCY_RATIO = 2.6;
const RATE_RATIO = 0.3;
const SAVE_MS = 300;
/** To the rate of the NATS client. */
const AUDIT_RATIO = 0.8;
const AUDIT_COST = 1.03;
/** Resident idle, one replica of each, the evaluator with one sandbox process. */
const MEMORY_MIB = { gateway: 70, evaluator: 140, compiler: 90, controller: 110, audit: 90 };

export function targetsOf({ latency, throughput, save, memory, audit }: Partial<Results>): Target[] {
  const cell = <T extends { workload: string; podKiB: number; policies: number }>(cells: T[] | undefined) =>
    cells?.find(({ workload, podKiB, policies }) => workload === 'W2' && podKiB === 10 && policies === 1);
  const ratio = cell(latency)?.ratios.U.median;
  const rate = cell(throughput)?.ratios.U.median;
  return [
    ...(ratio === undefined ? [] : [atMost('p50 to the floor, W2, 10 KiB, 1 connection', LATENCY_RATIO, ratio, 'x')]),
    ...(rate === undefined ? [] : [atLeast('req/s to the floor, W2, 10 KiB, 16 connections', RATE_RATIO, rate, 'x')]),
    ...(save ? [atMost('policy saved to first denial, median', SAVE_MS, save.medianMs, 'ms')] : []),
    ...(memory ? memoryTargets(memory.processes) : []),
    ...(audit ? auditTargets(audit) : []),
  ];
}

function auditTargets({ rates, cost }: AuditResult): Target[] {
  const plural = (count: number) => `${count} publisher${count === 1 ? '' : 's'}`;
  return [
    ...rates.flatMap(({ publishers, raw, streamRatio, toStatus, toSink }) => [
      atLeast(`violations to the stream, ${plural(publishers)}`, AUDIT_RATIO, streamRatio.median, 'x'),
      atLeast(`violations to the status, ${plural(publishers)}`, AUDIT_RATIO, toStatus / raw.median, 'x'),
      atLeast(`violations to a webhook, ${plural(publishers)}`, AUDIT_RATIO, toSink / raw.median, 'x'),
    ]),
    atMost('p50 of an allowed review with auditing to without', AUDIT_COST, cost.allowedRatio.median, 'x'),
  ];
}

function memoryTargets(processes: readonly ProcessMemory[]): Target[] {
  return Object.entries(MEMORY_MIB).map(([service, limit]) =>
    atMost(`resident memory idle, ${service} with its children`, limit, residentMiB(processes, service), 'MiB'),
  );
}

function residentMiB(processes: readonly ProcessMemory[], service: string): number {
  const own = processes.filter(({ name }) => name === service || name.startsWith(`${service} > `));
  return own.reduce((sum, { idle }) => sum + idle.rssMiB, 0);
}

const atMost = (name: string, limit: number, measured: number, unit: string): Target => ({
  ...{ name, limit, measured, unit },
  met: measured <= limit,
});

const atLeast = (name: string, limit: number, measured: number, unit: string): Target => ({
  ...{ name, limit, measured, unit, atLeast: true },
  met: measured >= limit,
});
