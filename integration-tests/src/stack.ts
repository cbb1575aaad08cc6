import { join, resolve } from 'node:path';
import { ensureCertificates } from '@jspolicy/certificates';
import { SERVICE_NODE_FLAGS } from '@jspolicy/runtime';
import {
  freePort,
  type KubeApiServer,
  natsForTest,
  startProcess,
  type TestNats,
  type TestProcess,
  tempDir,
} from '@jspolicy/testing';
import { WebhookClient } from './webhook-client.ts';

const ROOT = resolve(import.meta.dirname, '../..');

export type ServiceName = 'gateway' | 'evaluator' | 'compiler' | 'controller' | 'audit';

export interface StackOptions {
  /** The cluster: an API server, or a directory of manifests. */
  cluster: { kube: KubeApiServer } | { manifests: string };
  evaluators?: number;
  /** More variables for a service. */
  env?: Partial<Record<ServiceName, Record<string, string>>>;
}

/** The whole engine as processes, as `jspolicy up` starts them. */
export interface Stack {
  readonly webhook: WebhookClient;
  readonly nats: TestNats;
  readonly processes: Record<ServiceName, TestProcess[]>;
  /** Starts one more process of a service. */
  start(service: ServiceName): Promise<TestProcess>;
  /** Reviews that an evaluator works on at this moment. */
  inFlight(evaluator: TestProcess): Promise<number>;
  /** Pids that were started and have not ended. */
  alive(): number[];
  stop(): Promise<void>;
}

export async function startStack({ cluster, evaluators = 2, env = {} }: StackOptions): Promise<Stack> {
  const data = await tempDir();
  const nats = await natsForTest();
  const certificates = await ensureCertificates(join(data.path, 'certificates'), {
    dnsNames: ['localhost'],
    ipAddresses: ['127.0.0.1'],
  });
  const common = { NATS_URL: nats.url, LOG_LEVEL: 'info', ...clusterEnv(cluster, data.path) };
  const processes: Stack['processes'] = { gateway: [], evaluator: [], compiler: [], controller: [], audit: [] };
  const own = (service: ServiceName): Record<string, string> => ({
    ...serviceEnv(service, data.path, processes.evaluator.length),
    ...(service === 'gateway' && {
      HOST: '127.0.0.1',
      PORT: '0',
      TLS_CERT_FILE: certificates.certFile,
      TLS_KEY_FILE: certificates.keyFile,
    }),
    ...(service === 'controller' && { WEBHOOK_URL: webhook?.url ?? '', WEBHOOK_CA_FILE: certificates.caFile }),
  });
  let webhook: WebhookClient | undefined;
  const start = async (service: ServiceName) => {
    const main = join(ROOT, 'services', service, 'dist/main.js');
    const health = service === 'evaluator' && { HEALTH_PORT: String(await freePort()) };
    const child = await startProcess(process.execPath, [...SERVICE_NODE_FLAGS, main], {
      env: { ...common, ...own(service), ...health, ...env[service] },
      readyWhen: /"msg":"ready"/,
    });
    processes[service].push(child);
    return child;
  };
  const [, gateway] = await Promise.all([start('compiler'), start('gateway')]);
  webhook = new WebhookClient(portOf(gateway, 'port'), certificates.caFile);
  await Promise.all([
    ...Array.from({ length: evaluators }, () => start('evaluator')),
    start('controller'),
    start('audit'),
  ]);
  const all = () => Object.values(processes).flat();
  return {
    webhook,
    nats,
    processes,
    start,
    inFlight,
    alive: () =>
      all()
        .filter((child) => !child.exit)
        .map((child) => child.pid),
    async stop() {
      webhook?.close();
      await Promise.all(all().map((child) => child.stop()));
      await nats.stop();
      await data.remove();
    },
  };
}

function clusterEnv(cluster: StackOptions['cluster'], data: string): Record<string, string> {
  return 'kube' in cluster
    ? { KUBECONFIG: cluster.kube.kubeconfigPath }
    : { MANIFESTS_DIR: cluster.manifests, STATE_DIR: join(data, 'state') };
}

function serviceEnv(service: ServiceName, data: string, index: number): Record<string, string> {
  if (service === 'evaluator') return { SPOOL_DIR: join(data, `spool-${index}`), EVALUATOR_ID: `evaluator-${index}` };
  if (service === 'compiler') return { WORK_DIR: join(data, 'work'), CACHE_DIR: join(data, 'cache') };
  if (service === 'controller') return { INSTALL_CRDS: 'true', CRDS_DIR: join(ROOT, 'k8s/crds') };
  return {};
}

function portOf(service: TestProcess, fact: 'port' | 'healthPort'): number {
  const line = service.lines.find((each) => each.includes('"msg":"ready"')) ?? '{}';
  return (JSON.parse(line) as Record<typeof fact, number>)[fact];
}

async function inFlight(evaluator: TestProcess): Promise<number> {
  const metrics = await (await fetch(`http://127.0.0.1:${portOf(evaluator, 'healthPort')}/metrics`)).text();
  return Number(/^jspolicy_evaluator_in_flight (\d+)$/m.exec(metrics)?.[1] ?? 0);
}
