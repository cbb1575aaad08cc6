import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { measureApiServer } from './api-server.ts';
import { startClusterArm } from './arms/cluster.ts';
import { startLocalArms } from './arms/local.ts';
import { measureAudit } from './audit.ts';
import { measureAuditCost } from './audit-cost.ts';
import { measureLatency } from './latency.ts';
import { machine, versions } from './machine.ts';
import { measureMemory } from './memory.ts';
import type { BenchOptions, Part } from './options.ts';
import { machineTime, stealShare } from './processes.ts';
import { progress } from './progress.ts';
import { reportText } from './report.ts';
import { Resources } from './resources.ts';
import type { Report, Results } from './results.ts';
import { measureSaveToDeny } from './save-to-deny.ts';
import { targetsOf } from './targets.ts';
import { measureThroughput } from './throughput.ts';

const RESULTS_DIR = resolve(import.meta.dirname, '../results');

/** Measures what is asked for, prints the tables and writes the JSON file. */
export async function bench(options: BenchOptions, resources: Resources): Promise<void> {
  const startedAt = new Date();
  const before = machineTime();
  const facts = { machine: machine(), versions: await versions() };
  const results = {
    ...(await local(options, resources)),
    ...(await inCluster(options, resources)),
    ...(await audit(options, resources)),
  };
  const { parts, scale, evaluators, sandboxes } = options;
  const report: Report = {
    startedAt: startedAt.toISOString(),
    seconds: (Date.now() - startedAt.getTime()) / 1000,
    options: { parts, scale, evaluators, sandboxes },
    ...facts,
    stealShare: stealShare(before, machineTime()),
    ...results,
    targets: targetsOf(results),
  };
  process.stdout.write(`${reportText(report)}\n`);
  await write(report, options.output);
}

const wants = ({ parts }: BenchOptions, ...some: Part[]): boolean => some.some((part) => parts.includes(part));

async function local(options: BenchOptions, parent: Resources): Promise<Partial<Results>> {
  if (!wants(options, 'latency', 'throughput')) return {};
  return using(parent, async (resources) => {
    const arms = await startLocalArms(resources, options);
    return {
      ...(wants(options, 'latency') && { latency: await measureLatency(arms, options) }),
      ...(wants(options, 'throughput') && { throughput: await measureThroughput(arms, options) }),
    };
  });
}

/** Memory comes first: it wants an engine that has done nothing yet. */
async function inCluster(options: BenchOptions, parent: Resources): Promise<Partial<Results>> {
  if (!wants(options, 'memory', 'api-server', 'save')) return {};
  return using(parent, async (resources) => {
    const cluster = await startClusterArm(resources, options);
    return {
      ...(wants(options, 'memory') && { memory: await measureMemory(cluster, options.scale) }),
      ...(wants(options, 'api-server') && { apiServer: await measureApiServer(cluster, options.scale) }),
      ...(wants(options, 'save') && { save: await measureSaveToDeny(cluster, options.scale) }),
    };
  });
}

/** The cost for a request wants a whole engine; the rates want audit alone. */
async function audit(options: BenchOptions, parent: Resources): Promise<Partial<Results>> {
  if (!wants(options, 'audit')) return {};
  const { scale } = options;
  const cost = await using(parent, async (resources) =>
    measureAuditCost(await startClusterArm(resources, options), scale),
  );
  const rest = await using(parent, (resources) => measureAudit(resources, scale));
  return { audit: { ...rest, cost } };
}

/** Ends what the work started when it is done: idle processes of one part would disturb the next. */
async function using<T>(parent: Resources, work: (resources: Resources) => Promise<T>): Promise<T> {
  const resources = await parent.add(new Resources(), (each) => each.release());
  try {
    return await work(resources);
  } finally {
    await resources.release();
  }
}

async function write(report: Report, output: string | undefined): Promise<void> {
  const file = output ? resolve(output) : join(RESULTS_DIR, `${report.startedAt.replaceAll(':', '-')}.json`);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify(report, null, 2)}\n`);
  progress(`written: ${file}`);
}
