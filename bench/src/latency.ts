import { checkFloor } from './answers.ts';
import type { Arm, ArmName, LocalArms } from './arms/local.ts';
import { type CellPlan, nameOf, wantedCells } from './cells.ts';
import { KeepAliveClient } from './keep-alive-client.ts';
import type { BenchOptions, Scale } from './options.ts';
import { progress } from './progress.ts';
import { ReviewSource } from './reviews.ts';
import { type Estimate, estimate, median, type Quantiles, quantiles } from './statistics.ts';
import { type Blocks, inBlocks, inTurn, type Probe, pooled } from './turns.ts';
import { webhookPath } from './webhook-path.ts';
import { W1, W2, W3, type WorkloadId } from './workloads.ts';

const KIB = 1024;

export interface LatencyCell {
  workload: WorkloadId;
  podKiB: number;
  bodyBytes: number;
  policies: number;
  requestsPerArm: number;
  discardedBlocks: number;
  /** Milliseconds. */
  arms: Record<ArmName, Quantiles>;
  /** Of the p50 of each block, to the floor's. */
  ratios: Record<'F1' | 'U', Estimate>;
}

const CELLS: CellPlan[] = [
  ...[W1, W2, W3].flatMap((workload) => [1, 10, 100].map((podKiB) => ({ workload, podKiB, policies: 1 }))),
  { workload: W2, podKiB: 10, policies: 16 },
];

/** Latency at one connection, request by request in turn. */
export async function measureLatency(local: LocalArms, { scale, cells: names }: BenchOptions): Promise<LatencyCell[]> {
  const cells: LatencyCell[] = [];
  for (const plan of wantedCells(CELLS, names)) {
    progress(`latency: ${nameOf(plan)}`);
    cells.push(await measureCell(local, plan, scale));
  }
  return cells;
}

async function measureCell(local: LocalArms, plan: CellPlan, scale: Scale): Promise<LatencyCell> {
  const { workload, podKiB, policies } = plan;
  const variants = workload.variants(podKiB * KIB);
  const clients = local.arms.map(({ port }) => new KeepAliveClient({ port, ca: local.ca, connections: policies }));
  const probes = local.arms.map((arm, index) => {
    const paths = local.policies(workload.id, arm.name === 'U' ? policies : 1).map(webhookPath);
    return probeOf(arm, clients[index] as KeepAliveClient, paths, new ReviewSource(variants));
  });
  try {
    await inTurn(probes, Math.ceil(scale.warmUpRequests / policies));
    const blocks = await inBlocks(probes, scale.blocks, scale.requestsPerBlock);
    const bodyBytes = new ReviewSource(variants).bodyBytes;
    return { workload: workload.id, podKiB, bodyBytes, policies, ...resultOf(local.arms, blocks) };
  } finally {
    for (const client of clients) client.close();
  }
}

/** One review to all paths at once, as the API server does; the time until the last answer. Checking is not in it. */
function probeOf({ name }: Arm, client: KeepAliveClient, paths: string[], source: ReviewSource): Probe {
  return async () => {
    const { body, uid, check } = source.next();
    const startMs = performance.now();
    const answers = await Promise.all(paths.map((path) => client.post(path, body)));
    const tookMs = performance.now() - startMs;
    for (const answer of answers) (name === 'U' ? check : checkFloor)(answer, uid);
    return tookMs;
  };
}

function resultOf(arms: readonly Arm[], measured: Blocks) {
  const place = (name: ArmName) => arms.findIndex((arm) => arm.name === name);
  const ratio = (name: ArmName) =>
    estimate(measured.blocks.map((block) => median(block[place(name)] ?? []) / median(block[place('F0')] ?? [])));
  const samples = (name: ArmName) => quantiles(pooled(measured, place(name)));
  return {
    requestsPerArm: pooled(measured, 0).length,
    discardedBlocks: measured.discarded,
    arms: { F0: samples('F0'), F1: samples('F1'), U: samples('U') },
    ratios: { F1: ratio('F1'), U: ratio('U') },
  };
}
