import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Bus, connectBus } from '@jspolicy/bus';
import type { KubeObject } from '@jspolicy/contracts';
import { createLogger } from '@jspolicy/runtime';
import {
  freePort,
  type KubeAnswer,
  type KubeApiServer,
  kubeForTest,
  kubeRequest,
  natsForTest,
  startProcess,
  type TempDir,
  type TestNats,
  type TestProcess,
  tempDir,
  waitFor,
} from '@jspolicy/testing';

const SERVICES = resolve(import.meta.dirname, '../..');
const CRDS = resolve(SERVICES, '../k8s/crds');
export const KINDS = '/apis/policy.jspolicy.com/v1beta1';
export const WEBHOOKS = '/apis/admissionregistration.k8s.io/v1';

export const policyPath = (name: string) => `${KINDS}/jspolicies/${name}`;
export const bundlePath = (name: string) => `${KINDS}/jspolicybundles/${name}`;
export const policy = (name: string, spec: object) => ({
  apiVersion: 'policy.jspolicy.com/v1beta1',
  kind: 'JsPolicy',
  metadata: { name, labels: { team: 'a' }, annotations: { note: 'b' } },
  spec: { operations: ['CREATE'], resources: ['configmaps'], ...spec },
});

/** A controller's process, and what it says of itself. */
export class ControllerProcess {
  readonly child: TestProcess;
  readonly #healthPort: number;

  constructor(child: TestProcess, healthPort: number) {
    this.child = child;
    this.#healthPort = healthPort;
  }

  leads(): boolean {
    return this.child.lines.some((line) => line.includes('"msg":"leading"'));
  }

  /** What /readyz says. */
  async readiness(): Promise<string> {
    return (await fetch(`http://127.0.0.1:${this.#healthPort}/readyz`)).text();
  }

  /** Into the cluster, so far, events apart; of kinds whose name has `kind` in it. */
  async writes(kind = ''): Promise<number> {
    const metrics = await (await fetch(`http://127.0.0.1:${this.#healthPort}/metrics`)).text();
    const counts = metrics.matchAll(
      new RegExp(`^jspolicy_controller_writes_total\\{(?!.*"Event").*${kind}".*\\} (\\d+)$`, 'gm'),
    );
    return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
  }
}

/** A real API server, nats-server, compiler and controller, and what tests ask of them. */
export async function startStack(): Promise<ControllerStack> {
  const [kube, nats, dir] = await Promise.all([kubeForTest(), natsForTest(), tempDir()]);
  const log = createLogger({ service: 'test', level: 'silent' });
  return new ControllerStack({ kube, nats, dir, bus: await connectBus({ servers: nats.url, name: 'test', log }) });
}

interface StackParts {
  kube: KubeApiServer;
  nats: TestNats;
  dir: TempDir;
  bus: Bus;
}

export class ControllerStack {
  readonly bus: Bus;
  readonly #parts: StackParts;
  readonly #started: TestProcess[] = [];

  constructor(parts: StackParts) {
    this.#parts = parts;
    this.bus = parts.bus;
  }

  get natsUrl(): string {
    return this.#parts.nats.url;
  }

  get kubeconfig(): string {
    return this.#parts.kube.kubeconfigPath;
  }

  startCompiler(): Promise<TestProcess> {
    const { path } = this.#parts.dir;
    return this.#start('compiler', { WORK_DIR: join(path, 'work'), CACHE_DIR: join(path, 'cache') });
  }

  async startController(env: Record<string, string> = {}): Promise<ControllerProcess> {
    const { kube } = this.#parts;
    const port = await freePort();
    const child = await this.#start('controller', {
      KUBECONFIG: kube.kubeconfigPath,
      WEBHOOK_URL: 'https://127.0.0.1:9',
      WEBHOOK_CA_FILE: kube.caFile,
      INSTALL_CRDS: 'true',
      CRDS_DIR: CRDS,
      HEALTH_PORT: String(port),
      // No gateway is there to answer.
      UPDATE_WEBHOOK: 'false',
      ...env,
    });
    return new ControllerProcess(child, port);
  }

  call(method: string, path: string, body?: unknown): Promise<KubeAnswer> {
    return kubeRequest(this.#parts.kube, method, path, body);
  }

  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came.
  async get(path: string): Promise<any> {
    return (await this.call('GET', path)).body;
  }

  create(name: string, spec: object): Promise<KubeAnswer> {
    return this.call('POST', `${KINDS}/jspolicies`, policy(name, spec));
  }

  async webhooksOf(name: string, kind = 'validatingwebhookconfigurations'): Promise<KubeObject[]> {
    const { items } = await this.get(`${WEBHOOKS}/${kind}`);
    return items.filter(({ metadata }: KubeObject) => metadata.ownerReferences?.[0]?.name === name);
  }

  /** The policy, once its status is of this phase and of its newest generation. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came.
  status(name: string, phase: string): Promise<any> {
    return waitFor(
      async () => {
        const found = await this.get(policyPath(name));
        const isNew = found.status?.observedGeneration === found.metadata.generation;
        return found.status?.phase === phase && isNew && found;
      },
      { what: `${name} to be ${phase}` },
    );
  }

  /** Told of the policy, the newest last. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came.
  async eventsOf(name: string): Promise<any[]> {
    const query = `fieldSelector=involvedObject.kind%3DJsPolicy,involvedObject.name%3D${name}`;
    return (await this.get(`/api/v1/namespaces/default/events?${query}`)).items;
  }

  /** Ends nats-server and starts it again without anything that it held. */
  async loseNats(): Promise<void> {
    await rm(join(this.#parts.nats.storeDir, 'jetstream'), { recursive: true, force: true });
    await this.#parts.nats.restart();
  }

  async stop(): Promise<void> {
    const { kube, nats, dir, bus } = this.#parts;
    await Promise.all(this.#started.map((child) => child.stop()));
    await bus.close();
    await nats.stop();
    await kube.stop();
    await dir.remove();
  }

  async #start(service: string, env: Record<string, string>): Promise<TestProcess> {
    const child = await startProcess(process.execPath, [resolve(SERVICES, service, 'dist/main.js')], {
      env: { NATS_URL: this.#parts.nats.url, ...env },
      readyWhen: /"msg":"ready"/,
    });
    this.#started.push(child);
    return child;
  }
}

/** The kinds are served by then. */
export async function untilLeading(stack: ControllerStack, controller: ControllerProcess): Promise<void> {
  await waitFor(() => controller.leads(), { what: 'a controller to lead' });
  await waitFor(async () => (await stack.call('GET', `${KINDS}/jspolicies`)).status === 200, { what: 'the kinds' });
}
