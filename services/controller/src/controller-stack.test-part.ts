import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Bus, connectBus } from '@jspolicy/bus';
import type { KubeObject } from '@jspolicy/contracts';
import { createLogger } from '@jspolicy/runtime';
import { freePort, kubeForTest, kubeRequest, natsForTest, startProcess, tempDir, waitFor } from '@jspolicy/testing';

const SERVICES = resolve(import.meta.dirname, '../..');
const CRDS = resolve(SERVICES, '../k8s/crds');
export const KINDS = '/apis/policy.jspolicy.com/v1beta1';
export const WEBHOOKS = '/apis/admissionregistration.k8s.io/v1';

export type ControllerStack = Awaited<ReturnType<typeof startStack>>;
type Controller = Awaited<ReturnType<ControllerStack['startController']>>;

export const policyPath = (name: string) => `${KINDS}/jspolicies/${name}`;
export const bundlePath = (name: string) => `${KINDS}/jspolicybundles/${name}`;
export const policy = (name: string, spec: object) => ({
  apiVersion: 'policy.jspolicy.com/v1beta1',
  kind: 'JsPolicy',
  metadata: { name, labels: { team: 'a' }, annotations: { note: 'b' } },
  spec: { operations: ['CREATE'], resources: ['configmaps'], ...spec },
});

/** A real API server, nats-server, compiler and controller, and what tests ask of them. */
export async function startStack() {
  const [kube, nats, dir] = await Promise.all([kubeForTest(), natsForTest(), tempDir()]);
  const log = createLogger({ service: 'test', level: 'silent' });
  const bus: Bus = await connectBus({ servers: nats.url, name: 'test', log });
  const started: { stop(): Promise<unknown> }[] = [];

  const start = async (service: string, env: Record<string, string>) => {
    const child = await startProcess(process.execPath, [resolve(SERVICES, service, 'dist/main.js')], {
      env: { NATS_URL: nats.url, ...env },
      readyWhen: /"msg":"ready"/,
    });
    started.push(child);
    return child;
  };
  const startCompiler = () =>
    start('compiler', { WORK_DIR: join(dir.path, 'work'), CACHE_DIR: join(dir.path, 'cache') });
  const startController = async (env: Record<string, string> = {}) => {
    const port = await freePort();
    const child = await start('controller', {
      KUBECONFIG: kube.kubeconfigPath,
      WEBHOOK_URL: 'https://127.0.0.1:9',
      WEBHOOK_CA_FILE: kube.caFile,
      INSTALL_CRDS: 'true',
      CRDS_DIR: CRDS,
      HEALTH_PORT: String(port),
      ...env,
    });
    const says = (text: string) => child.lines.some((line) => line.includes(text));
    const writes = async () => {
      const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      const counts = metrics.matchAll(/^jspolicy_controller_writes_total\{.*\} (\d+)$/gm);
      return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
    };
    return { child, says, writes, leads: () => says('"msg":"leading"') };
  };

  const call = (method: string, path: string, body?: unknown) => kubeRequest(kube, method, path, body);
  const get = async (path: string) => (await call('GET', path)).body;
  const webhooksOf = async (name: string, kind = 'validatingwebhookconfigurations'): Promise<KubeObject[]> =>
    (await get(`${WEBHOOKS}/${kind}`)).items.filter(
      ({ metadata }: KubeObject) => metadata.ownerReferences?.[0]?.name === name,
    );
  const create = (name: string, spec: object) => call('POST', `${KINDS}/jspolicies`, policy(name, spec));
  const status = async (name: string, phase: string) =>
    waitFor(
      async () => {
        const found = await get(policyPath(name));
        const isNew = found.status?.observedGeneration === found.metadata.generation;
        return found.status?.phase === phase && isNew && found;
      },
      { what: `${name} to be ${phase}`, timeoutMs: 30_000 },
    );

  return {
    bus,
    call,
    get,
    create,
    status,
    webhooksOf,
    startCompiler,
    startController,
    /** Ends nats-server and starts it again without anything that it held. */
    async loseNats() {
      await rm(join(nats.storeDir, 'jetstream'), { recursive: true, force: true });
      await nats.restart();
    },
    async stop() {
      await Promise.all(started.map((child) => child.stop()));
      await bus.close();
      await nats.stop();
      await kube.stop();
      await dir.remove();
    },
  };
}

/** The kinds are served by then. */
export async function untilLeading(stack: ControllerStack, controller: Controller): Promise<void> {
  await waitFor(controller.leads, { what: 'a controller to lead', timeoutMs: 30_000 });
  await waitFor(async () => (await stack.call('GET', `${KINDS}/jspolicies`)).status === 200, { what: 'the kinds' });
}
