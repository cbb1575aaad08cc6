import type { Arm, ArmName, LocalArms } from './arms/local.ts';
import { type CellPlan, nameOf, wantedCells } from './cells.ts';
import { type Burst, Load } from './load.ts';
import type { BenchOptions, Scale } from './options.ts';
import { cpuUsByName, type NamedProcess } from './processes.ts';
import { progress } from './progress.ts';
import { type Estimate, estimate } from './statistics.ts';
import { webhookPath } from './webhook-path.ts';
import { W1, W2, W3, type WorkloadId } from './workloads.ts';

const KIB = 1024;
const CONNECTIONS = 16;

export interface ArmThroughput {
  reviews: number;
  reviewsPerSecond: Estimate;
  /** Microseconds of processor time per review, of all its processes and of each. */
  cpuUs: number;
  processes: { name: string; cpuUs: number }[];
}

export interface ThroughputCell {
  workload: WorkloadId;
  podKiB: number;
  policies: number;
  connections: number;
  arms: Record<ArmName, ArmThroughput>;
  /** Of the rate in each alternation, to the floor's. */
  ratios: Record<'F1' | 'U', Estimate>;
}

const CELLS: CellPlan[] = [
  ...[1, 10, 100].map((podKiB) => ({ workload: W2, podKiB, policies: 1 })),
  { workload: W1, podKiB: 10, policies: 1 },
  { workload: W3, podKiB: 10, policies: 1 },
  { workload: W2, podKiB: 10, policies: 16 },
];

/** Reviews per second at 16 connections, the arms in short bursts by turns. */
export async function measureThroughput(
  local: LocalArms,
  { scale, cells: names }: BenchOptions,
): Promise<ThroughputCell[]> {
  const cells: ThroughputCell[] = [];
  for (const plan of wantedCells(CELLS, names)) {
    progress(`throughput: ${nameOf(plan)}`);
    cells.push(await measureCell(local, plan, scale));
  }
  return cells;
}

async function measureCell(local: LocalArms, plan: CellPlan, scale: Scale): Promise<ThroughputCell> {
  const meters: Meter[] = [];
  try {
    for (const arm of local.arms) meters.push(await Meter.open(local, arm, plan));
    for (const meter of meters) await meter.warmUp(scale.burstMs);
    for (let alternation = 0; alternation < scale.alternations; alternation++) {
      for (const meter of alternation % 2 === 0 ? meters : meters.toReversed()) await meter.burst(scale.burstMs);
    }
    return resultOf(plan, meters);
  } finally {
    for (const meter of meters) meter.close();
  }
}

/** The load on one arm, and what its processes used meanwhile. */
class Meter {
  readonly name: ArmName;
  readonly rates: number[] = [];
  readonly #load: Load;
  readonly #processes: readonly NamedProcess[];
  readonly #usedUs = new Map<string, number>();
  #reviews = 0;

  private constructor(arm: Arm, load: Load) {
    this.name = arm.name;
    this.#load = load;
    this.#processes = arm.processes;
  }

  static async open({ ca, policies }: LocalArms, arm: Arm, { workload, podKiB, policies: count }: CellPlan) {
    const floor = arm.name !== 'U';
    const paths = policies(workload.id, floor ? 1 : count).map(webhookPath);
    const variants = workload.variants(podKiB * KIB);
    return new Meter(arm, await Load.open({ port: arm.port, ca, connections: CONNECTIONS, paths, variants, floor }));
  }

  async warmUp(durationMs: number): Promise<void> {
    await this.#load.forMs(durationMs);
  }

  async burst(durationMs: number): Promise<void> {
    const before = cpuUsByName(this.#processes);
    const { reviews, seconds }: Burst = await this.#load.forMs(durationMs);
    for (const [name, usedUs] of cpuUsByName(this.#processes)) {
      this.#usedUs.set(name, (this.#usedUs.get(name) ?? 0) + usedUs - (before.get(name) ?? 0));
    }
    this.rates.push(reviews / seconds);
    this.#reviews += reviews;
  }

  result(): ArmThroughput {
    const processes = [...this.#usedUs].map(([name, usedUs]) => ({ name, cpuUs: usedUs / this.#reviews }));
    const cpu = processes.reduce((sum, each) => sum + each.cpuUs, 0);
    return { reviews: this.#reviews, reviewsPerSecond: estimate(this.rates), cpuUs: cpu, processes };
  }

  close(): void {
    this.#load.close();
  }
}

function resultOf({ workload, podKiB, policies }: CellPlan, meters: readonly Meter[]): ThroughputCell {
  const meter = (name: ArmName) => meters.find((each) => each.name === name) as Meter;
  const floor = meter('F0').rates;
  const ratio = (name: ArmName) => estimate(meter(name).rates.map((rate, index) => rate / (floor[index] as number)));
  return {
    workload: workload.id,
    podKiB,
    policies,
    connections: CONNECTIONS,
    arms: { F0: meter('F0').result(), F1: meter('F1').result(), U: meter('U').result() },
    ratios: { F1: ratio('F1'), U: ratio('U') },
  };
}
