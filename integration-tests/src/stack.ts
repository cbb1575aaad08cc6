import { join, resolve } from 'node:path';
import { type Bus, connectBus } from '@jspolicy/bus';
import { type CertificateFiles, ensureCertificates } from '@jspolicy/certificates';
import { BUS_SERVICES, busPermissions } from '@jspolicy/contracts';
import { createLogger, SERVICE_NODE_FLAGS } from '@jspolicy/runtime';
import {
  freePort,
  type KubeApiServer,
  natsForTest,
  startProcess,
  type TempDir,
  type TestNats,
  type TestProcess,
  tempDir,
} from '@jspolicy/testing';
import { WebhookClient } from './webhook-client.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const CRDS = join(ROOT, 'k8s/crds');

export const SERVICES = ['gateway', 'evaluator', 'compiler', 'controller', 'audit'] as const;
export type ServiceName = (typeof SERVICES)[number];

export interface StackOptions {
  /** The cluster: an API server, or a directory of manifests. */
  cluster: { kube: KubeApiServer } | { manifests: string };
  evaluators?: number;
  /** Each service is a user of NATS with the permissions of its own; the password is the name. */
  permissions?: boolean;
  /** Another NATS than one server of its own; the stack stops it. */
  nats?: TestNats;
  /** More variables for a service. */
  env?: Partial<Record<ServiceName, Record<string, string>>>;
  /** Told of each gateway when it is ready. */
  onGateway?(gateway: TestProcess): void;
}

/** The whole engine as processes, as `jspolicy up` starts them. */
export interface Stack {
  readonly webhook: WebhookClient;
  readonly nats: TestNats;
  /** Of the tests themselves. */
  readonly bus: Bus;
  readonly processes: Record<ServiceName, TestProcess[]>;
  /** Starts one more process of a service, with more variables. */
  start(service: ServiceName, env?: Record<string, string>): Promise<TestProcess>;
  /** Posts reviews to this gateway. The caller closes it. */
  client(gateway: TestProcess): WebhookClient;
  /** Variables of the first evaluator that make a new one its successor: its name and its spool. */
  readonly firstEvaluator: Record<string, string>;
  /** Where services write beside a directory of manifests. */
  readonly stateDir: string;
  /** Reviews that an evaluator works on at this moment. */
  inFlight(evaluator: TestProcess): Promise<number>;
  /** What the evaluator's /metrics tells. */
  metrics(evaluator: TestProcess): Promise<string>;
  /** Pids that were started and have not ended. */
  alive(): number[];
  stop(): Promise<void>;
}

export async function startStack(options: StackOptions): Promise<Stack> {
  const data = await tempDir();
  const nats = options.nats ?? (await natsForTest(options.permissions ? { config: usersConfig() } : {}));
  const certificates = await ensureCertificates(join(data.path, 'certificates'), {
    dnsNames: ['localhost'],
    ipAddresses: ['127.0.0.1'],
  });
  const log = createLogger({ service: 'test', level: 'silent' });
  const security = options.permissions ? { natsUser: 'test', natsPassword: 'test' } : {};
  const bus = await connectBus({ servers: nats.url, security, name: 'test', log });
  const stack = new RunningStack(options, { data, nats, bus, certificates });
  await stack.startAll();
  return stack;
}

interface StackParts {
  data: TempDir;
  nats: TestNats;
  bus: Bus;
  certificates: CertificateFiles;
}

class RunningStack implements Stack {
  readonly nats: TestNats;
  readonly bus: Bus;
  readonly processes: Stack['processes'] = { gateway: [], evaluator: [], compiler: [], controller: [], audit: [] };
  readonly #options: StackOptions;
  readonly #parts: StackParts;
  #webhook: WebhookClient | undefined;
  #evaluators = 0;

  constructor(options: StackOptions, parts: StackParts) {
    this.#options = options;
    this.#parts = parts;
    this.nats = parts.nats;
    this.bus = parts.bus;
  }

  get webhook(): WebhookClient {
    if (!this.#webhook) throw new Error('the gateway does not run yet');
    return this.#webhook;
  }

  client(gateway: TestProcess): WebhookClient {
    return new WebhookClient(portOf(gateway, 'port'), this.#parts.certificates.caFile);
  }

  async startAll(): Promise<void> {
    const { evaluators = 2 } = this.#options;
    const [, gateway] = await Promise.all([this.start('compiler'), this.start('gateway')]);
    this.#webhook = this.client(gateway);
    await Promise.all([
      ...Array.from({ length: evaluators }, () => this.start('evaluator')),
      this.start('controller'),
      this.start('audit'),
    ]);
  }

  get stateDir(): string {
    return join(this.#parts.data.path, 'state');
  }

  get firstEvaluator(): Record<string, string> {
    return evaluatorEnv(this.#parts.data.path, 0);
  }

  async start(service: ServiceName, more: Record<string, string> = {}): Promise<TestProcess> {
    const { cluster, permissions, env = {} } = this.#options;
    const main = join(ROOT, 'services', service, 'dist/main.js');
    const user = permissions ? { NATS_USER: service, NATS_PASSWORD: service } : {};
    const place = clusterEnv(cluster, this.#parts.data.path);
    const common = { NATS_URL: this.nats.url, LOG_LEVEL: 'info', ...user, ...place };
    const child = await startProcess(process.execPath, [...SERVICE_NODE_FLAGS, main], {
      env: { ...common, ...(await this.#own(service)), ...env[service], ...more },
      readyWhen: /"msg":"ready"/,
    });
    this.processes[service].push(child);
    if (service === 'gateway') this.#options.onGateway?.(child);
    return child;
  }

  async inFlight(evaluator: TestProcess): Promise<number> {
    return Number(/^jspolicy_evaluator_in_flight (\d+)$/m.exec(await this.metrics(evaluator))?.[1] ?? 0);
  }

  async metrics(evaluator: TestProcess): Promise<string> {
    return (await fetch(`http://127.0.0.1:${portOf(evaluator, 'healthPort')}/metrics`)).text();
  }

  alive(): number[] {
    return this.#all()
      .filter((child) => !child.exit)
      .map((child) => child.pid);
  }

  async stop(): Promise<void> {
    this.#webhook?.close();
    await Promise.all(this.#all().map((child) => child.stop()));
    await this.bus.close();
    await this.nats.stop();
    await this.#parts.data.remove();
  }

  #all(): TestProcess[] {
    return Object.values(this.processes).flat();
  }

  async #own(service: ServiceName): Promise<Record<string, string>> {
    const { data, certificates } = this.#parts;
    const { certFile, keyFile, caFile } = certificates;
    switch (service) {
      case 'gateway':
        return { HOST: '127.0.0.1', PORT: '0', TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile };
      case 'evaluator':
        return { ...evaluatorEnv(data.path, this.#evaluators++), HEALTH_PORT: String(await freePort()) };
      case 'compiler':
        return { WORK_DIR: join(data.path, 'work'), CACHE_DIR: join(data.path, 'cache') };
      case 'controller':
        return { WEBHOOK_URL: this.webhook.url, WEBHOOK_CA_FILE: caFile, INSTALL_CRDS: 'true', CRDS_DIR: CRDS };
      case 'audit':
        return {};
    }
  }
}

function usersConfig(): string {
  const users = BUS_SERVICES.map((service) => ({
    user: service,
    password: service,
    permissions: busPermissions(service),
  }));
  return `authorization: ${JSON.stringify({ users: [...users, { user: 'test', password: 'test' }] })}`;
}

function clusterEnv(cluster: StackOptions['cluster'], data: string): Record<string, string> {
  return 'kube' in cluster
    ? { KUBECONFIG: cluster.kube.kubeconfigPath }
    : { MANIFESTS_DIR: cluster.manifests, STATE_DIR: join(data, 'state') };
}

const evaluatorEnv = (data: string, index: number): Record<string, string> => ({
  SPOOL_DIR: join(data, `spool-${index}`),
  EVALUATOR_ID: `evaluator-${index}`,
});

export function portOf(service: TestProcess, fact: 'port' | 'healthPort'): number {
  const line = service.lines.find((each) => each.includes('"msg":"ready"')) ?? '{}';
  return (JSON.parse(line) as Record<typeof fact, number>)[fact];
}
