import { optionalText, type Values } from './config.ts';

/** Which cluster a service works on: an API server, or a directory of manifests that stands in for one. */
export const clusterSettings = {
  kubeconfig: optionalText({ env: 'KUBECONFIG', describe: 'kubeconfig file; absent: the service account of the Pod' }),
  manifestsDir: optionalText({ env: 'MANIFESTS_DIR', describe: 'directory of manifests in place of an API server' }),
  stateDir: optionalText({ env: 'STATE_DIR', describe: 'directory of what services write beside the manifests' }),
};

export type ClusterConfig = Values<typeof clusterSettings>;

/** For loadConfig. */
export const clusterProblems = ({ manifestsDir, stateDir }: Partial<ClusterConfig>): string[] =>
  manifestsDir && !stateDir ? [`STATE_DIR is required with MANIFESTS_DIR (${clusterSettings.stateDir.describe})`] : [];
