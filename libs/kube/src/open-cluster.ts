import type { ClusterConfig, Logger } from '@jspolicy/runtime';
import { connectApiServer } from './api-server/connect.ts';
import type { ToldProblem } from './directory/manifest-news.ts';
import type { Cluster, RequestOptions } from './port.ts';

export interface OpenedCluster {
  cluster: Cluster;
  /** Absent where each read is answered with what is there at that moment. */
  refresh?(): Promise<void>;
  /** Of the API server; absent without one. */
  version?(options?: RequestOptions): Promise<string>;
  /** Once; whoever opened it closes it. */
  close(): void | Promise<void>;
}

export interface OpenClusterOptions {
  config: ClusterConfig;
  log: Logger;
  /** The engine's own, where the API server asks for one. */
  namespace?: string;
  /** A manifest cannot be read. Absent: another service tells. */
  onProblem?: (problem: ToldProblem) => void;
}

/**
 * The cluster that a service's settings name: the API server, or the directory of manifests that stands in for one.
 * Rejects when it cannot be connected to or read.
 */
export async function openCluster({ config, log, namespace, onProblem }: OpenClusterOptions): Promise<OpenedCluster> {
  const { kubeconfig, manifestsDir: manifests, stateDir: state } = config;
  if (manifests) {
    // Loaded on demand: a service against an API server needs no YAML parser.
    const { openDirectory } = await import('./directory/open.ts');
    const directory = await openDirectory({ manifests, state, log, onProblem: onProblem ?? (() => undefined) });
    return { cluster: directory, refresh: () => directory.refresh(), close: () => directory.close() };
  }
  const cluster = await connectApiServer({ ...(kubeconfig && { kubeconfig }), ...(namespace && { namespace }), log });
  return { cluster, version: (request) => cluster.version(request), close: () => cluster.close() };
}
