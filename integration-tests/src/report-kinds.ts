import { waitFor } from '@jspolicy/testing';
import type { ClusterClient } from './cluster-client.ts';

const GROUP = 'wgpolicyk8s.io';
const VERSION = 'v1alpha2';
export const REPORTS = `/apis/${GROUP}/${VERSION}/policyreports`;

/** Kinds of reports that take any fields; resolves when they are served. */
export async function installReportKinds(cluster: ClusterClient): Promise<void> {
  for (const definition of [definitionOf('PolicyReport', 'Namespaced'), definitionOf('ClusterPolicyReport', 'Cluster')])
    await cluster.call('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition);
  await waitFor(async () => (await cluster.call('GET', REPORTS)).status === 200, { what: 'kinds of reports' });
}

function definitionOf(kind: string, scope: 'Namespaced' | 'Cluster') {
  const names = { kind, listKind: `${kind}List`, singular: kind.toLowerCase(), plural: `${kind.toLowerCase()}s` };
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${names.plural}.${GROUP}` },
    spec: { group: GROUP, scope, names, versions: [{ name: VERSION, served: true, storage: true, schema }] },
  };
}
