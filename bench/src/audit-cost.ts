import { waitFor } from '@jspolicy/testing';
import type { ClusterArm } from './arms/cluster.ts';
import { createPolicy, untilSynced } from './cluster-policies.ts';
import { KeepAliveClient } from './keep-alive-client.ts';
import type { Scale } from './options.ts';
import { progress } from './progress.ts';
import { ReviewSource } from './reviews.ts';
import { type Estimate, estimate, median } from './statistics.ts';
import { inBlocks, inTurn, type Probe, pooled } from './turns.ts';
import { webhookPath } from './webhook-path.ts';
import { imageVariant, W2 } from './workloads.ts';

const POD_BYTES = 10 * 1024;

/** Of the same policy with `auditPolicy: Log` and with Skip, request by request in turn. */
export interface AuditCost {
  requestsPerArm: number;
  /** p50, milliseconds. */
  allowed: { log: number; skip: number };
  denied: { log: number; skip: number };
  /** Of the p50 of each block, Log to Skip. */
  allowedRatio: Estimate;
  deniedRatio: Estimate;
}

export async function measureAuditCost(cluster: ClusterArm, scale: Scale): Promise<AuditCost> {
  progress('audit: cost for a request');
  const names = { log: 'audited.bench.jspolicy.com', skip: 'unaudited.bench.jspolicy.com' };
  await makePolicy(cluster, names.log, 'Log');
  await makePolicy(cluster, names.skip, 'Skip');
  const client = new KeepAliveClient({ port: cluster.engine.port, ca: cluster.engine.ca });
  try {
    const probes = [false, true].flatMap((denied) => [
      probeOf(client, names.log, denied),
      probeOf(client, names.skip, denied),
    ]);
    for (const probe of probes) await waitFor(probe, { what: 'the policies to be in force', timeoutMs: 60_000 });
    await inTurn(probes, Math.ceil(scale.warmUpRequests / 2));
    return resultOf(await inBlocks(probes, scale.blocks, scale.requestsPerBlock));
  } finally {
    client.close();
  }
}

function resultOf(measured: Awaited<ReturnType<typeof inBlocks>>): AuditCost {
  const p50 = (probe: number) => median(pooled(measured, probe));
  const ratio = (one: number, other: number) =>
    estimate(measured.blocks.map((block) => median(block[one] ?? []) / median(block[other] ?? [])));
  return {
    requestsPerArm: pooled(measured, 0).length,
    allowed: { log: p50(0), skip: p50(1) },
    denied: { log: p50(2), skip: p50(3) },
    allowedRatio: ratio(0, 1),
    deniedRatio: ratio(2, 3),
  };
}

async function makePolicy(cluster: ClusterArm, name: string, auditPolicy: 'Log' | 'Skip'): Promise<void> {
  const policy = W2.policy(name);
  // The API server's own Pods are not judged by it: it is asked directly.
  const namespaceSelector = { matchLabels: { 'bench-audit': 'true' } };
  await createPolicy(cluster, { ...policy, spec: { ...policy.spec, auditPolicy, namespaceSelector } });
  await untilSynced(cluster, name);
}

function probeOf(client: KeepAliveClient, policy: string, denied: boolean): Probe {
  const source = new ReviewSource([imageVariant(POD_BYTES, denied)]);
  return async () => {
    const { body, uid, check } = source.next();
    const startMs = performance.now();
    const answer = await client.post(webhookPath(policy), body);
    const tookMs = performance.now() - startMs;
    check(answer, uid);
    return tookMs;
  };
}
