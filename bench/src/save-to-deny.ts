import { waitFor } from '@jspolicy/testing';
import { WrongAnswer } from './answers.ts';
import type { ClusterArm } from './arms/cluster.ts';
import { createNamespace, createPolicy, removePolicy } from './cluster-policies.ts';
import type { Scale } from './options.ts';
import { progress } from './progress.ts';
import { median } from './statistics.ts';
import { imageVariant, jsPolicy } from './workloads.ts';

const NAMESPACE = 'bench-save';
const POD_BYTES = 1024;
const TIMEOUT_MS = 20_000;

export interface SaveToDeny {
  /** Milliseconds from sending the policy to the API server until its first denial came back through it. */
  rounds: number[];
  medianMs: number;
  worstMs: number;
}

/** Each round creates a policy whose code was never compiled before, and creates Pods until one is denied. */
export async function measureSaveToDeny(cluster: ClusterArm, scale: Scale): Promise<SaveToDeny> {
  await createNamespace(cluster, NAMESPACE, { 'bench-save': 'true' });
  const body = Buffer.from(JSON.stringify(imageVariant(POD_BYTES, false, NAMESPACE).pod));
  const rounds: number[] = [];
  // The first round finds everything cold; it is not counted.
  for (let round = 0; round <= scale.saveRounds; round++) {
    progress(`save: round ${round} of ${scale.saveRounds}`);
    const tookMs = await measureRound(cluster, `save-${round}.bench.jspolicy.com`, body);
    if (round > 0) rounds.push(tookMs);
  }
  return { rounds, medianMs: median(rounds), worstMs: Math.max(...rounds) };
}

async function measureRound(cluster: ClusterArm, name: string, body: Buffer): Promise<number> {
  const namespaceSelector = { matchLabels: { 'bench-save': 'true' } };
  const message = `denied by ${name}`;
  await untilAllowed(cluster, body);
  const startMs = performance.now();
  await createPolicy(cluster, jsPolicy(name, { namespaceSelector }, `deny(${JSON.stringify(message)})`));
  await untilDenied(cluster, body, message, startMs);
  const tookMs = performance.now() - startMs;
  await removePolicy(cluster, name);
  await untilAllowed(cluster, body);
  return tookMs;
}

/** Asks without a pause: a pause would be part of what is measured. */
async function untilDenied(cluster: ClusterArm, body: Buffer, message: string, startMs: number): Promise<void> {
  for (;;) {
    const { status, text } = await cluster.createPod(NAMESPACE, body);
    if (status === 403 && text.includes(message)) return;
    if (status !== 201) throw new WrongAnswer(`a Pod beside a new policy: HTTP ${status}: ${text.slice(0, 500)}`);
    if (performance.now() - startMs > TIMEOUT_MS) throw new Error(`the policy did not deny in ${TIMEOUT_MS / 1000} s`);
  }
}

async function untilAllowed(cluster: ClusterArm, body: Buffer): Promise<void> {
  await waitFor(async () => (await cluster.createPod(NAMESPACE, body)).status === 201, {
    what: 'Pods to be allowed again',
    timeoutMs: TIMEOUT_MS,
  });
}
