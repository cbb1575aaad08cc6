import { setTimeout as delay } from 'node:timers/promises';
import { get, kubectl } from '../command.ts';
import { install, NAMESPACE, RELEASE, settled, workload } from '../engine.ts';
import type { ScenarioContext } from '../scenarios.ts';

/** Kubelets look at mounted Secrets each minute, and heed a change within as much again. */
const MOUNTED_MS = 120_000;

/** The servers of NATS get certificates of another authority, as docs/operations.md says. */
export async function renewNatsCertificates({ tag, natsReplicas }: ScenarioContext): Promise<string> {
  const before = await served();
  await install(tag, natsReplicas, { renewCertificates: 'prepare' });
  await restart(natsReplicas);
  if ((await served()) !== before) throw new Error('another certificate serves before its authority is trusted');
  await delay(MOUNTED_MS);
  await install(tag, natsReplicas, { renewCertificates: 'finish' });
  await restart(natsReplicas);
  if ((await served()) === before) throw new Error('the certificate is the same');
  return 'servers have certificates of another authority';
}

async function restart(replicas: number): Promise<void> {
  await kubectl('rollout', 'restart', workload('nats'), '-n', NAMESPACE);
  await kubectl('rollout', 'status', workload('nats'), '-n', NAMESPACE, '--timeout=5m');
  await settled('nats', replicas);
}

const served = async (): Promise<string> =>
  (await get('secret', `${RELEASE}-nats-tls`, '-n', NAMESPACE)).data['tls.crt'];
