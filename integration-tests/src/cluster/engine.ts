import { resolve } from 'node:path';
import { waitFor } from '@jspolicy/testing';
import { get, helm, kubectl } from './command.ts';

export const RELEASE = 'jspolicy';
export const NAMESPACE = 'jspolicy-test';
export const LOOP_NAMESPACE = 'jspolicy-test-loop';
export const COMPONENTS = ['gateway', 'evaluator', 'compiler', 'controller', 'audit'] as const;
/** Requests go on for so long before and after what happens to the engine. */
export const AROUND_MS = 2_000;
export const POLICIES = {
  group: 'policy.jspolicy.com',
  version: 'v1beta1',
  kind: 'JsPolicy',
  resource: 'jspolicies',
  namespaced: false,
};
export const CHART = resolve(import.meta.dirname, '../../../k8s/chart/jspolicy');
/** Small, so that everything has a place on one node; limits are the chart's. */
const REQUESTS = { cpu: '10m', memory: '64Mi' };

export interface PodState {
  name: string;
  uid: string;
  node: string | undefined;
  component: string;
  ready: boolean;
  restarts: number;
}

/** Of the chart, as every scenario has them. */
export const chartValues = (tag: string, natsReplicas: number): Record<string, unknown> => ({
  image: { tag, pullPolicy: 'IfNotPresent' },
  nats: { replicas: natsReplicas, image: { repository: 'jspolicy-nats', tag }, resources: { requests: REQUESTS } },
  ...Object.fromEntries(COMPONENTS.map((name) => [name, { resources: { requests: REQUESTS } }])),
});

export async function install(tag: string, natsReplicas: number, nats: Record<string, string> = {}): Promise<void> {
  const given = chartValues(tag, natsReplicas);
  const values = Object.entries({ ...given, nats: { ...(given['nats'] as object), ...nats } });
  const json = values.flatMap(([name, value]) => ['--set-json', `${name}=${JSON.stringify(value)}`]);
  await helm('upgrade', '--install', RELEASE, CHART, '-n', NAMESPACE, '--wait', '--timeout', '3m', ...json);
}

export const deployment = (component: string): string => `deployment/${RELEASE}-${component}`;
export const workload = (component: string): string =>
  component === 'nats' ? `statefulset/${RELEASE}-nats` : deployment(component);

/** Components and how many Pods each has. */
export const parts = (natsReplicas: number): (readonly [string, number])[] => [
  ...COMPONENTS.map((name) => [name, 2] as const),
  ['nats', natsReplicas],
];

/** The engine's; the one of `helm test` stays after its end. */
export async function pods(): Promise<PodState[]> {
  const engine = `app.kubernetes.io/instance=${RELEASE},app.kubernetes.io/component!=test`;
  const { items } = await get('pods', '-n', NAMESPACE, '-l', engine);
  return items.map(podState);
}

/** A Pod as kubectl prints it. */
interface PrintedPod {
  metadata: { name: string; uid: string; labels: Record<string, string>; deletionTimestamp?: string };
  /** A Pod that waits for a node has none. */
  spec: { nodeName?: string };
  status: {
    containerStatuses?: { restartCount: number }[];
    conditions?: { type: string; status: string }[];
  };
}

function podState({ metadata, spec, status }: PrintedPod): PodState {
  const { containerStatuses: states = [], conditions = [] } = status;
  return {
    name: metadata.name,
    uid: metadata.uid,
    node: spec.nodeName,
    component: metadata.labels['app.kubernetes.io/component'] ?? '',
    ready: !metadata.deletionTimestamp && conditions.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
    restarts: states.reduce((sum, { restartCount }) => sum + restartCount, 0),
  };
}

/** Every Pod of a component that should be there is, ready, and no other. */
export async function settled(component: string, count: number, timeoutMs = 240_000): Promise<PodState[]> {
  return waitFor(
    async () => {
      const found = (await pods()).filter((pod) => pod.component === component);
      return found.length === count && found.every(({ ready }) => ready) && found;
    },
    { what: `${count} ready Pods of ${component}, and no other`, timeoutMs, pollMs: 500 },
  );
}

/** The Pod of the controller that leads. For some seconds after one ended the Lease names nobody, or one that is gone. */
export async function leader(): Promise<string> {
  const leading = async () => {
    const { spec } = await get('lease', 'jspolicy-controller', '-n', NAMESPACE);
    return (await pods()).find(({ name, ready }) => ready && name === spec.holderIdentity)?.name;
  };
  return waitFor(leading, { what: 'a controller that leads', timeoutMs: 60_000, pollMs: 500 });
}

/** How often the API server let something pass because a webhook did not answer, since it was started. */
export const failedOpen = async (): Promise<number> => failedOpenIn(await kubectl('get', '--raw', '/metrics'));

/** The same, from what an API server tells at /metrics. */
export function failedOpenIn(metrics: string): number {
  return [...metrics.matchAll(/^apiserver_admission_webhook_fail_open_count\{.*\} (\S+)$/gm)].reduce(
    (sum, [, value]) => sum + Number(value),
    0,
  );
}

/** Webhook configurations that call this engine. */
export async function webhooks(): Promise<string[]> {
  const { items } = await get('validatingwebhookconfigurations,mutatingwebhookconfigurations');
  const calls = (item: { webhooks?: { clientConfig: { service?: { namespace: string } } }[] }) =>
    item.webhooks?.some(({ clientConfig }) => clientConfig.service?.namespace === NAMESPACE);
  return items.filter(calls).map(({ metadata }: { metadata: { name: string } }) => metadata.name);
}

/** What a program for Node prints, a module, that is run in a Pod of the engine. There is no shell. */
export const nodeIn = (pod: string, program: string): Promise<string> =>
  kubectl('exec', '-n', NAMESPACE, pod, '--', '/usr/local/bin/node', '--input-type=module', '--eval', program);

export async function policyInForce(name: string): Promise<void> {
  await waitFor(async () => (await get('jspolicies', name)).status?.phase === 'Synced', {
    what: `${name} to be Synced`,
    timeoutMs: 120_000,
    pollMs: 200,
  });
}
