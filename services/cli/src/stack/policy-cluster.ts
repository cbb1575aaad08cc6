import type { KubeObject } from '@jspolicy/contracts';
import {
  type Cluster,
  connectApiServer,
  type DirectoryOptions,
  openDirectory,
  type SourcePlace,
  type ToldProblem,
} from '@jspolicy/kube';
import { createLogger } from '@jspolicy/runtime';
import { CommandError } from '../exit-codes.ts';
import type { ClusterChoice } from './service-env.ts';

const VERSION_MS = 10_000;

/** `state` is the directory of what the services wrote. */
export type PolicyClusterOptions = Omit<DirectoryOptions, 'manifests' | 'log'>;

/** The cluster as the user looks at it. */
export interface PolicyCluster {
  cluster: Cluster;
  /** Of the API server; absent without one. */
  version?(): Promise<string>;
  sourceOf(object: KubeObject): SourcePlace | undefined;
  /** What is wrong with the manifests at this moment. */
  problems(): readonly ToldProblem[];
  close(): Promise<void>;
}

/** Opens it for reading. Throws CommandError when it cannot be read. */
export async function openPolicyCluster(choice: ClusterChoice, options: PolicyClusterOptions): Promise<PolicyCluster> {
  // The services read the same cluster and log what is wrong with it.
  const log = createLogger({ service: 'cli', level: 'silent' });
  try {
    if ('manifests' in choice) {
      const directory = await openDirectory({ ...options, manifests: choice.manifests, log });
      return {
        cluster: directory,
        sourceOf: (object) => directory.sourceOf(object),
        problems: () => directory.problems,
        close: () => directory.close(),
      };
    }
    const cluster = await connectApiServer({ kubeconfig: choice.kubeconfig, log });
    const version = () => cluster.version({ signal: AbortSignal.timeout(VERSION_MS) });
    return { cluster, version, sourceOf: () => undefined, problems: () => [], close: async () => cluster.close() };
  } catch (cause) {
    const [why = ''] = (cause instanceof Error ? cause.message : String(cause)).split('\n');
    const what = 'manifests' in choice ? 'the manifests cannot be read' : `${choice.kubeconfig} is no kubeconfig`;
    throw new CommandError(`${what}: ${why}`, { cause });
  }
}
