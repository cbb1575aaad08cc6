import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CertificateFiles } from '@jspolicy/certificates';
import { freePort, type KubeApiServer, type TestProcess } from '@jspolicy/testing';
import type { NamedProcess } from '../processes.ts';
import { progress } from '../progress.ts';
import type { Resources } from '../resources.ts';
import type { NatsFacts } from './floors.ts';
import { CRDS_DIR, portOf, serviceMain, startService } from './service-process.ts';

export interface EngineOptions {
  cluster: { manifests: string } | { kube: KubeApiServer };
  /** Holds what the services write. */
  dataDir: string;
  nats: NatsFacts;
  certificates: CertificateFiles;
  evaluators: number;
  sandboxes: number;
  profileDir: string | undefined;
}

/** The whole engine as processes. */
export interface Engine {
  readonly port: number;
  readonly ca: Buffer;
  /** Ours and nats-server, without their children. */
  readonly processes: readonly NamedProcess[];
  /** Where evaluators tell their metrics. */
  readonly evaluatorMetricsUrls: readonly string[];
}

const MAX_COMPLAINTS = 5;

type ServiceName = 'gateway' | 'evaluator' | 'compiler' | 'controller' | 'audit';

/** Starts the five services; resolves when each is ready. Policies may not be in force yet. */
export async function startEngine(resources: Resources, options: EngineOptions): Promise<Engine> {
  const { certificates, nats, evaluators } = options;
  const started: { name: string; process: TestProcess }[] = [];
  const start = async (service: ServiceName, env: Record<string, string>) => {
    const all = { ...commonEnv(options), ...env };
    const child = await startService({ main: serviceMain(service), env: all, profileDir: options.profileDir });
    started.push({ name: service, process: await resources.add(child, () => endAndTell(child, service)) });
    return child;
  };
  const healthPorts = await Promise.all(Array.from({ length: evaluators }, freePort));
  const [gateway] = await Promise.all([
    start('gateway', gatewayEnv(certificates)),
    start('compiler', compilerEnv(options.dataDir)),
    start('audit', {}),
    ...healthPorts.map((port, index) => start('evaluator', evaluatorEnv(options, index, port))),
  ]);
  const port = portOf(gateway);
  await start('controller', controllerEnv(port, certificates));
  return {
    port,
    ca: readFileSync(certificates.caFile),
    processes: [
      ...started.map(({ name, process: { pid } }) => ({ name, pid })),
      { name: 'nats-server', pid: nats.pid },
    ],
    evaluatorMetricsUrls: healthPorts.map((each) => `http://127.0.0.1:${each}/metrics`),
  };
}

/** What a service complained of belongs to the figures: a run with restarts is no run. */
async function endAndTell(child: TestProcess, service: ServiceName): Promise<void> {
  await child.stop();
  const complaints = child.lines.filter((line) => /"level":"(?:warn|error|fatal)"/.test(line));
  for (const line of complaints.slice(-MAX_COMPLAINTS)) progress(`${service}: ${line}`);
}

function commonEnv({ cluster, dataDir, nats }: EngineOptions): Record<string, string> {
  const where: Record<string, string> =
    'kube' in cluster
      ? { KUBECONFIG: cluster.kube.kubeconfigPath }
      : { MANIFESTS_DIR: cluster.manifests, STATE_DIR: join(dataDir, 'state') };
  return { NATS_URL: nats.url, ...where };
}

const gatewayEnv = ({ certFile, keyFile }: CertificateFiles): Record<string, string> => ({
  HOST: '127.0.0.1',
  PORT: '0',
  TLS_CERT_FILE: certFile,
  TLS_KEY_FILE: keyFile,
});

const compilerEnv = (dataDir: string): Record<string, string> => ({
  WORK_DIR: join(dataDir, 'compiler'),
  CACHE_DIR: join(dataDir, 'packages'),
});

const evaluatorEnv = ({ dataDir, sandboxes }: EngineOptions, index: number, healthPort: number) => ({
  EVALUATOR_ID: `evaluator-${index}`,
  SPOOL_DIR: join(dataDir, `spool-${index}`),
  VM_POOL_SIZE: String(sandboxes),
  HEALTH_PORT: String(healthPort),
});

const controllerEnv = (port: number, { caFile }: CertificateFiles): Record<string, string> => ({
  WEBHOOK_URL: `https://127.0.0.1:${port}`,
  WEBHOOK_CA_FILE: caFile,
  INSTALL_CRDS: 'true',
  CRDS_DIR,
});
