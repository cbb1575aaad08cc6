import { readFileSync } from 'node:fs';
import { type Cluster, connectApiServer, openDirectory } from '@jspolicy/kube';
import type { Logger } from '@jspolicy/runtime';
import type { ControllerConfig } from './config.ts';
import type { WebhookTarget } from './webhook-configuration.ts';

export interface OpenedCluster {
  cluster: Cluster;
  close(): void | Promise<void>;
}

/** The API server, or the directory of manifests that stands in for one. */
export async function openCluster(config: ControllerConfig, log: Logger): Promise<OpenedCluster> {
  const { kubeconfig, manifestsDir, stateDir, namespace } = config;
  if (manifestsDir) {
    const directory = await openDirectory({
      manifests: manifestsDir,
      state: stateDir,
      log,
      onProblem: (problem) => log.warn({ ...problem }, 'manifest with a problem'),
    });
    return { cluster: directory, close: () => directory.close() };
  }
  const cluster = await connectApiServer({ ...(kubeconfig && { kubeconfig }), log, namespace });
  return { cluster, close: () => cluster.close() };
}

export function webhookTarget({ webhookUrl, webhookCaFile, namespace }: ControllerConfig): WebhookTarget {
  const caBundle = webhookCaFile ? readFileSync(webhookCaFile).toString('base64') : '';
  return { url: webhookUrl, namespace, caBundle };
}
