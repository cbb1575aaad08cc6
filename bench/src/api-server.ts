import { waitFor } from '@jspolicy/testing';
import { WrongAnswer } from './answers.ts';
import type { ClusterArm } from './arms/cluster.ts';
import { createNamespace, createPolicy, untilSynced } from './cluster-policies.ts';
import type { Scale } from './options.ts';
import { progress } from './progress.ts';
import { type Estimate, estimate, median, type Quantiles, quantiles } from './statistics.ts';
import { inBlocks, inTurn, type Probe, pooled } from './turns.ts';
import { imageVariant, W2 } from './workloads.ts';

const POD_BYTES = 10 * 1024;
const COUNTS = [0, 1, 4, 16] as const;
const LABEL = 'bench-policies';
/** Warm-up of each namespace, for the API server's connections to the webhooks too. */
const WARM_UP = 50;

export interface ApiServerRow {
  /** How many policies judged each Pod. */
  policies: number;
  pods: number;
  /** Milliseconds. */
  latency: Quantiles;
  /** Of the p50 of each block, to the one without a policy. */
  ratio: Estimate;
}

/**
 * Creates Pods with dryRun=All. Each count of policies has a namespace of its own, which the policies select: so Pods with
 * 0, 1, 4 and 16 policies are created in turn, and all see the same machine.
 */
export async function measureApiServer(cluster: ClusterArm, scale: Scale): Promise<ApiServerRow[]> {
  progress('api-server: creating the policies');
  await prepare(cluster);
  for (const count of COUNTS) await untilJudgedBy(cluster, count);
  progress('api-server: creating Pods');
  const probes = COUNTS.map((count) => probeOf(cluster, count));
  await inTurn(probes, WARM_UP);
  const measured = await inBlocks(probes, scale.blocks, scale.podsPerRound);
  return COUNTS.map((policies, place) => ({
    policies,
    pods: pooled(measured, place).length,
    latency: quantiles(pooled(measured, place)),
    ratio: estimate(measured.blocks.map((block) => median(block[place] ?? []) / median(block[0] ?? []))),
  }));
}

const namespaceOf = (count: number): string => `bench-${count}`;
const podBody = (count: number): Buffer =>
  Buffer.from(JSON.stringify(imageVariant(POD_BYTES, false, namespaceOf(count)).pod));

async function prepare(cluster: ClusterArm): Promise<void> {
  for (const count of COUNTS) await createNamespace(cluster, namespaceOf(count), { [LABEL]: String(count) });
  const names = Array.from({ length: Math.max(...COUNTS) }, (_, copy) => `images-${copy}.bench.jspolicy.com`);
  for (const [copy, name] of names.entries()) {
    const policy = W2.policy(name, copy);
    const values = COUNTS.filter((count) => count > copy).map(String);
    const namespaceSelector = { matchExpressions: [{ key: LABEL, operator: 'In', values }] };
    await createPolicy(cluster, { ...policy, spec: { ...policy.spec, namespaceSelector } });
  }
  for (const name of names) await untilSynced(cluster, name);
}

/** The evaluators themselves tell how many evaluations one Pod brings about. */
async function untilJudgedBy(cluster: ClusterArm, count: number): Promise<void> {
  const create = probeOf(cluster, count);
  const judged = async () => {
    const before = await evaluations(cluster);
    await create();
    const made = (await evaluations(cluster)) - before;
    if (made !== count) throw new Error(`${made} policies judged a Pod`);
    return true;
  };
  await waitFor(judged, { what: `${count} policies to judge a Pod`, timeoutMs: 30_000, pollMs: 100 });
}

async function evaluations({ engine }: ClusterArm): Promise<number> {
  const texts = await Promise.all(engine.evaluatorMetricsUrls.map(async (url) => (await fetch(url)).text()));
  const counts = texts.join('\n').matchAll(/^policy_execution_total\{[^}]*\} (\d+)/gm);
  return [...counts].reduce((sum, [, value]) => sum + Number(value), 0);
}

function probeOf(cluster: ClusterArm, count: number): Probe {
  const body = podBody(count);
  return async () => {
    const startMs = performance.now();
    const { status, text } = await cluster.createPod(namespaceOf(count), body);
    const tookMs = performance.now() - startMs;
    if (status !== 201) throw new WrongAnswer(`a Pod with ${count} policies: HTTP ${status}: ${text.slice(0, 500)}`);
    return tookMs;
  };
}
