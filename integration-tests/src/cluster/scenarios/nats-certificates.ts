import { waitFor } from '@jspolicy/testing';
import { get, kubectl } from '../command.ts';
import { COMPONENTS, install, NAMESPACE, nodeIn, pods, RELEASE, settled, workload } from '../engine.ts';
import type { ScenarioContext } from '../scenarios.ts';

/** Kubelets look at mounted Secrets each minute, and heed a change within as much again; those of a busy node, later. */
const MOUNTED_MS = 300_000;

/** The servers of NATS get certificates of another authority, as docs/operations.md says. */
export async function renewNatsCertificates({ tag, natsReplicas }: ScenarioContext): Promise<string> {
  const before = (await secret('tls'))['tls.crt'];
  await install(tag, natsReplicas, { renewCertificates: 'prepare' });
  await restart(natsReplicas);
  if ((await secret('tls'))['tls.crt'] !== before)
    throw new Error('another certificate serves before its authority is trusted');
  await everyoneTrustsIt();
  await install(tag, natsReplicas, { renewCertificates: 'finish' });
  await restart(natsReplicas);
  if ((await secret('tls'))['tls.crt'] === before) throw new Error('the certificate is the same');
  return 'servers have certificates of another authority';
}

async function restart(replicas: number): Promise<void> {
  await kubectl('rollout', 'restart', workload('nats'), '-n', NAMESPACE);
  await kubectl('rollout', 'status', workload('nats'), '-n', NAMESPACE, '--timeout=5m');
  await settled('nats', replicas);
}

/** Servers do since they were restarted. */
async function everyoneTrustsIt(): Promise<void> {
  const authorities = Buffer.from((await secret('auth'))['ca.crt'] ?? '', 'base64').toString();
  const trusted = async () => {
    const services = (await pods()).filter(({ component }) => COMPONENTS.some((name) => name === component));
    const read = await Promise.all(services.map(({ name }) => nodeIn(name, PRINT_AUTHORITIES)));
    return read.length > 0 && read.every((text) => text === authorities);
  };
  const what = 'the new authority in every Pod';
  await waitFor(trusted, { what, timeoutMs: MOUNTED_MS, pollMs: 5_000 });
}

const PRINT_AUTHORITIES = `import { readFileSync } from 'node:fs';
process.stdout.write(readFileSync(process.env.NATS_CA_FILE));`;

const secret = async (what: 'auth' | 'tls'): Promise<Record<string, string>> =>
  (await get('secret', `${RELEASE}-nats-${what}`, '-n', NAMESPACE)).data;
