import { type Cluster, connectApiServer, openDirectory } from '@jspolicy/kube';
import type { Logger } from '@jspolicy/runtime';
import type { AuditConfig } from './config.ts';

export interface OpenedCluster {
  cluster: Cluster;
  close(): void | Promise<void>;
}

/** The API server, or the directory of manifests that stands in for one. */
export async function openCluster(
  { kubeconfig, manifestsDir, stateDir }: AuditConfig,
  log: Logger,
): Promise<OpenedCluster> {
  if (manifestsDir) {
    // The controller tells of manifests that cannot be read.
    const directory = await openDirectory({
      manifests: manifestsDir,
      state: stateDir,
      log,
      onProblem: () => undefined,
    });
    return { cluster: directory, close: () => directory.close() };
  }
  const cluster = await connectApiServer({ ...(kubeconfig && { kubeconfig }), log });
  return { cluster, close: () => cluster.close() };
}
