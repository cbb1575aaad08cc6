import { type Cluster, KubeError, type ResourceType } from '@jspolicy/kube';

/** The kinds that reports are written as. */
export interface ReportApi {
  report: ResourceType;
  clusterReport: ResourceType;
  /** Reports name their source themselves, too. */
  source: boolean;
}

const OPEN_REPORTS = 'openreports.io/v1alpha1';
const POLICY_REPORTS = 'wgpolicyk8s.io/v1alpha2';

/** OpenReports where they are served, else the policy working group's; undefined where neither is. */
export async function findReportApi(cluster: Cluster): Promise<ReportApi | undefined> {
  const open = await bothOf(cluster, OPEN_REPORTS, ['Report', 'ClusterReport']);
  if (open) return { ...open, source: true };
  const policy = await findPolicyReports(cluster);
  return policy && { ...policy, source: false };
}

/** Where jsPolicy wrote. */
export const findPolicyReports = (cluster: Cluster) =>
  bothOf(cluster, POLICY_REPORTS, ['PolicyReport', 'ClusterPolicyReport']);

async function bothOf(cluster: Cluster, apiVersion: string, [report, clusterReport]: [string, string]) {
  const found = await Promise.all([
    resolved(cluster, apiVersion, report),
    resolved(cluster, apiVersion, clusterReport),
  ]);
  return found[0] && found[1] && { report: found[0], clusterReport: found[1] };
}

async function resolved(cluster: Cluster, apiVersion: string, kind: string): Promise<ResourceType | undefined> {
  try {
    return await cluster.resolve(apiVersion, kind);
  } catch (error) {
    if (error instanceof KubeError && error.status === 404) return undefined;
    throw error;
  }
}
