import { setTimeout as delay } from 'node:timers/promises';
import { waitFor } from '@jspolicy/testing';
import type { ClusterArm } from './arms/cluster.ts';
import { createPolicy, untilSynced } from './cluster-policies.ts';
import { Load } from './load.ts';
import type { Scale } from './options.ts';
import { type Memory, memoryOf, withDescendants } from './processes.ts';
import { progress } from './progress.ts';
import { webhookPath } from './webhook-path.ts';
import { imageVariant, W2 } from './workloads.ts';

const POLICY = 'memory.bench.jspolicy.com';
const POD_BYTES = 10 * 1024;
const IDLE_MS = 5_000;
const CONNECTIONS = 16;

export interface ProcessMemory {
  name: string;
  idle: Memory;
  afterRequests: Memory;
}

export interface MemoryResult {
  requests: number;
  processes: ProcessMemory[];
}

/** Resident memory of each process of an engine that serves an API server: idle with one policy, and after requests. */
export async function measureMemory(cluster: ClusterArm, scale: Scale): Promise<MemoryResult> {
  const { engine } = cluster;
  // The API server's own Pods are not judged by it: it is asked directly.
  const policy = W2.policy(POLICY);
  const namespaceSelector = { matchLabels: { 'bench-memory': 'true' } };
  await createPolicy(cluster, { ...policy, spec: { ...policy.spec, namespaceSelector } });
  await untilSynced(cluster, POLICY);
  const load = await Load.open({
    port: engine.port,
    ca: engine.ca,
    connections: CONNECTIONS,
    paths: [webhookPath(POLICY)],
    variants: [imageVariant(POD_BYTES, false)],
    floor: false,
  });
  try {
    await waitFor(() => load.forReviews(1), { what: `policy ${POLICY} to be in force` });
    progress(`memory: idle for ${IDLE_MS / 1000} s`);
    await delay(IDLE_MS);
    const processes = withDescendants(engine.processes);
    const idle = processes.map(({ pid }) => memoryOf(pid));
    progress(`memory: ${scale.memoryRequests} requests`);
    const { reviews } = await load.forReviews(scale.memoryRequests);
    const after = processes.map(({ pid }) => memoryOf(pid));
    return {
      requests: reviews,
      processes: processes.map(({ name }, index) => ({
        name,
        idle: idle[index] as Memory,
        afterRequests: after[index] as Memory,
      })),
    };
  } finally {
    load.close();
  }
}
