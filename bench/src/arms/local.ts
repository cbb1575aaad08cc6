import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsPolicy } from '@jspolicy/contracts';
import { waitFor } from '@jspolicy/testing';
import { KeepAliveClient } from '../keep-alive-client.ts';
import type { BenchOptions } from '../options.ts';
import type { NamedProcess } from '../processes.ts';
import { progress } from '../progress.ts';
import type { Resources } from '../resources.ts';
import { ReviewSource } from '../reviews.ts';
import { webhookPath } from '../webhook-path.ts';
import { W2, WORKLOADS, type Workload, type WorkloadId } from '../workloads.ts';
import { startEngine } from './engine.ts';
import { startFloors } from './floors.ts';
import { startGround } from './ground.ts';

export type ArmName = 'F0' | 'F1' | 'U';

/** Something that answers reviews over HTTPS. */
export interface Arm {
  name: ArmName;
  port: number;
  processes: readonly NamedProcess[];
}

export interface LocalArms {
  arms: readonly Arm[];
  ca: Buffer;
  /** The names of so many policies of the workload. */
  policies(workload: WorkloadId, count: number): string[];
}

/** As many as the largest cell needs. */
const COPIES = 16;
const IN_FORCE_TIMEOUT_MS = 60_000;

/** The floors and the engine side by side, on one NATS; the engine on a directory with the policies of all workloads. */
export async function startLocalArms(resources: Resources, options: BenchOptions): Promise<LocalArms> {
  progress('starting the floors and the engine');
  const ground = await startGround(resources);
  const manifests = join(ground.dataDir, 'manifests');
  await mkdir(manifests);
  await Promise.all(allPolicies().map((policy) => writePolicy(manifests, policy)));
  const { F0, F1 } = await startFloors(resources, ground.certificates, ground.nats);
  const engine = await startEngine(resources, { ...ground, ...options, cluster: { manifests } });
  progress('waiting for the policies');
  await untilInForce(engine);
  return {
    arms: [
      { name: 'F0', port: F0.port, processes: F0.processes },
      { name: 'F1', port: F1.port, processes: F1.processes },
      { name: 'U', port: engine.port, processes: engine.processes },
    ],
    ca: engine.ca,
    policies: policyNames,
  };
}

const policyName = (id: WorkloadId, copy: number): string => `${id.toLowerCase()}-${copy}.bench.jspolicy.com`;

function policyNames(id: WorkloadId, count: number): string[] {
  return Array.from({ length: count }, (_, copy) => policyName(id, copy));
}

const copiesOf = (workload: Workload): number => (workload === W2 ? COPIES : 1);

function allPolicies(): JsPolicy[] {
  return WORKLOADS.flatMap((workload) =>
    policyNames(workload.id, copiesOf(workload)).map((name, copy) => workload.policy(name, copy)),
  );
}

/** JSON is YAML. */
function writePolicy(dir: string, policy: JsPolicy): Promise<void> {
  return writeFile(join(dir, `${policy.metadata.name}.yaml`), JSON.stringify(policy));
}

async function untilInForce({ port, ca }: { port: number; ca: Buffer }): Promise<void> {
  const client = new KeepAliveClient({ port, ca });
  try {
    for (const workload of WORKLOADS) {
      const source = new ReviewSource(workload.variants(1024));
      for (const name of policyNames(workload.id, copiesOf(workload))) {
        await waitFor(() => judges(client, name, source), {
          what: `policy ${name} to be in force`,
          timeoutMs: IN_FORCE_TIMEOUT_MS,
        });
      }
    }
  } finally {
    client.close();
  }
}

async function judges(client: KeepAliveClient, policy: string, source: ReviewSource): Promise<boolean> {
  const { body, uid, check } = source.next();
  check(await client.post(webhookPath(policy), body), uid);
  return true;
}
