import { admissionReview, type KubeApiServer, kubeForTest, pod, tempDir, waitFor } from '@jspolicy/testing';
import { ClusterClient } from './cluster-client.ts';
import { policy, writeManifests } from './manifests.ts';
import { type Stack, type StackOptions, startStack } from './stack.ts';
import { WorkWitness } from './work-witness.ts';

export interface RunningCluster {
  readonly kube: KubeApiServer;
  readonly stack: Stack;
  readonly cluster: ClusterClient;
  /** Who does the work of Controller policies tells it. */
  readonly witness: WorkWitness;
  stop(): Promise<void>;
}

/** The whole engine on a real API server that serves the kinds. Ends what it started where it cannot start all. */
export async function startCluster({
  namespaces = [],
  ...options
}: Omit<StackOptions, 'cluster'> & { namespaces?: string[] } = {}): Promise<RunningCluster> {
  const [kube, witness] = await Promise.all([kubeForTest(), WorkWitness.start()]);
  const ends = [() => kube.stop(), () => witness.stop()];
  const stop = () => inTurn([...ends].reverse());
  try {
    const env = { ...options.env, evaluator: { ...witness.env, ...options.env?.evaluator } };
    const stack = await startStack({ ...options, env, cluster: { kube } });
    ends.push(() => stack.stop());
    const cluster = new ClusterClient(kube);
    await cluster.servesKinds();
    await Promise.all(namespaces.map((name) => cluster.createNamespace(name)));
    return { kube, stack, cluster, witness, stop };
  } catch (err) {
    await stop();
    throw err;
  }
}

export interface ServedPolicy {
  readonly stack: Stack;
  stop(): Promise<void>;
}

/** The engine with one evaluator on a directory that holds one policy, which denies all with `reached`. */
export async function serveOnePolicy(name: string): Promise<ServedPolicy> {
  const dir = await tempDir();
  const ends = [() => dir.remove()];
  const stop = () => inTurn([...ends].reverse());
  try {
    await writeManifests(dir.path, [policy(name, 'deny("reached")')]);
    const stack = await startStack({ cluster: { manifests: dir.path }, evaluators: 1 });
    ends.push(() => stack.stop());
    await waitFor(async () => (await stack.webhook.review(name, admissionReview({ object: pod() }))).status === 200, {
      what: 'the policy to be served',
    });
    return { stack, stop };
  } catch (err) {
    await stop();
    throw err;
  }
}

async function inTurn(ends: (() => Promise<void>)[]): Promise<void> {
  for (const end of ends) await end();
}
