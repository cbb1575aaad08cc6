import type { ApiServerRow } from './api-server.ts';
import { auditText } from './audit-text.ts';
import type { LatencyCell } from './latency.ts';
import type { MemoryResult } from './memory.ts';
import type { Report } from './results.ts';
import type { SaveToDeny } from './save-to-deny.ts';
import type { Estimate } from './statistics.ts';
import { figure, table } from './table.ts';
import type { Target } from './targets.ts';
import type { ThroughputCell } from './throughput.ts';

/** A run as text. */
export function reportText(report: Report): string {
  const { latency, throughput, memory, apiServer, save, audit, targets } = report;
  return [
    headText(report),
    latency?.length && latencyText(latency),
    throughput?.length && throughputText(throughput),
    throughput?.length && processorText(throughput),
    apiServer && apiServerText(apiServer),
    save && saveText(save),
    memory && memoryText(memory),
    audit && auditText(audit),
    targets.length > 0 && targetsText(targets),
  ]
    .filter(Boolean)
    .join('\n\n');
}

const percent = (share: number): string => `${(share * 100).toFixed(2)} %`;
const withInterval = ({ median, low, high }: Estimate): string =>
  `${median.toFixed(2)} (${low.toFixed(2)}-${high.toFixed(2)})`;

function headText({ startedAt, machine, versions, stealShare, options, seconds }: Report): string {
  const { cores, model, memoryMiB, kernel, loadAverage } = machine;
  return [
    `${startedAt}, ${Math.round(seconds)} s, evaluators: ${options.evaluators}, sandboxes in each: ${options.sandboxes}`,
    `${cores} cores, ${model}, ${memoryMiB} MiB, Linux ${kernel}; load before: ${figure(loadAverage)}, steal: ${percent(stealShare)}`,
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
    'F0: HTTPS floor. F1: floor with an answerer behind NATS. U: the engine.',
  ].join('\n');
}

function latencyText(cells: readonly LatencyCell[]): string {
  const rows = cells.map(({ workload, podKiB, policies, arms: { F0, F1, U }, ratios, discardedBlocks }) => [
    workload,
    String(podKiB),
    String(policies),
    ...[F0.p50, F1.p50, U.p50, F0.p90, U.p90, F0.p99, U.p99].map(figure),
    withInterval(ratios.F1),
    withInterval(ratios.U),
    String(discardedBlocks),
  ]);
  const times = ['F0 p50', 'F1 p50', 'U p50', 'F0 p90', 'U p90', 'F0 p99', 'U p99'];
  const heading = ['policy', 'KiB', 'policies', ...times, 'F1/F0 p50 (95 %)', 'U/F0 p50 (95 %)', 'discarded'];
  return `Latency at one connection, ms\n${table(heading, rows)}`;
}

function throughputText(cells: readonly ThroughputCell[]): string {
  const rows = cells.map(({ workload, podKiB, policies, arms, ratios }) => [
    workload,
    String(podKiB),
    String(policies),
    ...[arms.F0, arms.F1, arms.U].map(({ reviewsPerSecond }) => figure(reviewsPerSecond.median)),
    withInterval(ratios.F1),
    withInterval(ratios.U),
    ...[arms.F0, arms.F1, arms.U].map(({ cpuUs }) => figure(cpuUs)),
  ]);
  const heading = ['policy', 'KiB', 'policies', 'F0/s', 'F1/s', 'U/s', 'F1/F0 (95 %)', 'U/F0 (95 %)'];
  const cpu = ['F0 CPU us', 'F1 CPU us', 'U CPU us'];
  return `Reviews per second at ${cells[0]?.connections} connections\n${table([...heading, ...cpu], rows)}`;
}

function processorText(cells: readonly ThroughputCell[]): string {
  const names = [...new Set(cells.flatMap(({ arms }) => arms.U.processes.map(({ name }) => name)))];
  const rows = cells.map(({ workload, podKiB, policies, arms }) => [
    workload,
    String(podKiB),
    String(policies),
    ...names.map((name) =>
      figure(sum(arms.U.processes.filter((each) => each.name === name).map((each) => each.cpuUs))),
    ),
  ]);
  return `Processor time of the engine per review, us\n${table(['policy', 'KiB', 'policies', ...names], rows)}`;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function apiServerText(rows: readonly ApiServerRow[]): string {
  const lines = rows.map(({ policies, pods, latency: { p50, p90, p99 }, ratio }) => [
    String(policies),
    String(pods),
    ...[p50, p90, p99].map(figure),
    withInterval(ratio),
  ]);
  const heading = ['policies', 'Pods', 'p50', 'p90', 'p99', 'to none, p50 (95 %)'];
  return `Through the API server: Pods of 10 KiB, dryRun=All, one connection, W2, ms\n${table(heading, lines)}`;
}

function saveText({ rounds, medianMs, worstMs }: SaveToDeny): string {
  return `Policy saved to its first denial through the API server: median ${figure(medianMs)} ms, worst ${figure(worstMs)} ms of ${rounds.length} rounds`;
}

function memoryText({ processes, requests }: MemoryResult): string {
  const rows = processes.map(({ name, idle, afterRequests }) => [
    name,
    ...[idle.rssMiB, idle.pssMiB, afterRequests.rssMiB, afterRequests.pssMiB].map((each) => each.toFixed(1)),
  ]);
  const heading = ['process', 'RSS idle', 'PSS idle', 'RSS after', 'PSS after'];
  return `Memory, MiB: idle with one policy, and after ${requests} reviews of 10 KiB\n${table(heading, rows)}`;
}

function targetsText(targets: readonly Target[]): string {
  const rows = targets.map(({ name, limit, atLeast, measured, unit, met }) => [
    name,
    `${atLeast ? '>=' : '<='} ${limit} ${unit}`,
    `${figure(measured)} ${unit}`,
    met ? 'met' : 'missed',
  ]);
  return `Targets\n${table(['target', 'wanted', 'measured', ''], rows)}`;
}
