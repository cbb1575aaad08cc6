import { setTimeout as delay } from 'node:timers/promises';
import type { Cluster } from '@jspolicy/kube';
import { waitFor } from '@jspolicy/testing';
import { get, helm, kubectl } from './command.ts';
import { COMPONENTS, LOOP_NAMESPACE, leader, NAMESPACE, pods, RELEASE, settled, webhooks } from './engine.ts';
import { RequestLoop } from './request-loop.ts';

export interface Scenario {
  /** Requests run, and none may be lost. */
  loop: boolean;
  /** Seconds that it may take. */
  boundSeconds: number;
  run(context: ScenarioContext): Promise<string>;
}

export interface ScenarioContext {
  cluster: Cluster;
  natsReplicas: number;
  note(line: string): void;
  /** Denials that were told so far, and how many of them are in the total by now. */
  ledger(): Promise<string>;
}

const DEPLOYMENT = (component: string) => `deployment/${RELEASE}-${component}`;
/** Requests go on for so long before and after what happens to the engine. */
const AROUND_MS = 2_000;

const scale = async (count: number): Promise<void> => {
  await kubectl('scale', DEPLOYMENT('evaluator'), '-n', NAMESPACE, `--replicas=${count}`);
  await settled('evaluator', count);
};

async function scaleEvaluators(): Promise<string> {
  const others = async () =>
    JSON.stringify(
      (await pods())
        .filter(({ component }) => component !== 'evaluator')
        .map(({ uid, restarts }) => ({ uid, restarts })),
    );
  const before = await others();
  for (const count of [4, 1, 2]) await scale(count);
  if ((await others()) !== before) throw new Error('other Pods than evaluators changed or were started anew');
  return '2, 4, 1, 2 evaluators; no other Pod changed';
}

async function restartAll({ natsReplicas, note }: ScenarioContext): Promise<string> {
  const took: string[] = [];
  for (const [component, count] of [...COMPONENTS.map((name) => [name, 2] as const), ['nats', natsReplicas] as const]) {
    const began = Date.now();
    const target = component === 'nats' ? `statefulset/${RELEASE}-nats` : DEPLOYMENT(component);
    await kubectl('rollout', 'restart', target, '-n', NAMESPACE);
    await kubectl('rollout', 'status', target, '-n', NAMESPACE, '--timeout=5m');
    await settled(component, count);
    took.push(`${component} ${Math.round((Date.now() - began) / 1000)} s`);
    note(`  restarted: ${took.at(-1)}`);
    await delay(AROUND_MS);
  }
  return took.join(', ');
}

/**
 * A Pod of a StatefulSet that is deleted by force is followed by another one at once, also while its process still runs: two
 * servers of NATS on one volume lose messages. After a second without force it is killed as well, and nobody comes too early.
 */
const byForce = (component: string): string[] =>
  component === 'nats' ? ['--grace-period=1'] : ['--grace-period=0', '--force'];

async function killEach({ natsReplicas, note, ledger }: ScenarioContext): Promise<string> {
  const took: string[] = [];
  for (const [component, count] of [...COMPONENTS.map((name) => [name, 2] as const), ['nats', natsReplicas] as const]) {
    const began = Date.now();
    const [first] = (await pods()).filter((pod) => pod.component === component);
    const name = component === 'controller' ? await leader() : first?.name;
    if (!name) throw new Error(`no Pod of ${component}`);
    await kubectl('delete', 'pod', name, '-n', NAMESPACE, ...byForce(component));
    await settled(component, count);
    took.push(`${component} ${Math.round((Date.now() - began) / 1000)} s`);
    note(`  killed and back: ${took.at(-1)}; ${await ledger()}`);
    await delay(AROUND_MS);
  }
  return took.join(', ');
}

async function deleteEverything({ cluster, natsReplicas }: ScenarioContext): Promise<string> {
  const everything = {
    apiVersion: 'policy.jspolicy.com/v1beta1',
    kind: 'JsPolicy',
    metadata: { name: 'everything.loop.example' },
    spec: { operations: ['*'], resources: ['*'], failurePolicy: 'Fail', javascript: ';' },
  };
  const type = {
    group: 'policy.jspolicy.com',
    version: 'v1beta1',
    kind: 'JsPolicy',
    resource: 'jspolicies',
    namespaced: false,
  };
  await cluster.create(type, everything);
  await policyInForce('everything.loop.example');
  const began = Date.now();
  await kubectl('delete', 'pods', '--all', '-n', NAMESPACE, '--grace-period=1', '--wait=false');
  for (const component of COMPONENTS) await settled(component, 2);
  await settled('nats', natsReplicas);
  const back = Math.round((Date.now() - began) / 1000);
  const loop = new RequestLoop(cluster, LOOP_NAMESPACE);
  await waitFor(() => loop.sent > 40, { what: '40 requests', timeoutMs: 60_000 });
  const { wrong, lost } = await loop.end();
  await cluster.remove(type, 'everything.loop.example');
  if (wrong.length + lost.length > 0) throw new Error(`after that: ${[...wrong, ...lost].join('\n')}`);
  return `a Fail policy on *; all Pods ready after ${back} s`;
}

export async function policyInForce(name: string): Promise<void> {
  await waitFor(async () => (await get('jspolicies', name)).status?.phase === 'Synced', {
    what: `${name} to be Synced`,
    timeoutMs: 60_000,
    pollMs: 200,
  });
}

async function uninstall(): Promise<string> {
  await helm('uninstall', RELEASE, '-n', NAMESPACE, '--wait', '--timeout', '5m');
  const left = await webhooks();
  if (left.length > 0) throw new Error(`webhook configurations are left: ${left.join(', ')}`);
  const denied = [
    'create',
    'configmap',
    'after',
    '-n',
    LOOP_NAMESPACE,
    '--from-literal=verdict=deny',
    '--from-literal=number=0',
  ];
  await kubectl(...denied);
  const kinds = await get('jspolicies');
  return `no webhook configuration is left, objects can be created; ${kinds.items.length} policies are kept`;
}

/** Beside the installation, which comes first always. */
export const SCENARIOS: Record<string, Scenario> = {
  scale: { loop: true, boundSeconds: 240, run: scaleEvaluators },
  restart: { loop: true, boundSeconds: 720, run: restartAll },
  kill: { loop: true, boundSeconds: 480, run: killEach },
  'all-gone': { loop: false, boundSeconds: 240, run: deleteEverything },
  uninstall: { loop: false, boundSeconds: 180, run: uninstall },
};
