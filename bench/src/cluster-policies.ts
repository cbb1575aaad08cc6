import type { JsPolicy } from '@jspolicy/contracts';
import { waitFor } from '@jspolicy/testing';
import type { ClusterArm } from './arms/cluster.ts';

const POLICIES = '/apis/policy.jspolicy.com/v1beta1/jspolicies';
const TIMEOUT_MS = 60_000;

/** Creates a policy; it need not be in force when this resolves. */
export async function createPolicy(cluster: ClusterArm, policy: JsPolicy): Promise<void> {
  const { status, body } = await cluster.call('POST', POLICIES, policy);
  if (status !== 201) throw new Error(`policy ${policy.metadata.name} was not created: ${JSON.stringify(body)}`);
}

export async function removePolicy(cluster: ClusterArm, name: string): Promise<void> {
  await cluster.call('DELETE', `${POLICIES}/${name}`);
}

/** The three kinds are served once the controller has installed them. */
export async function untilKindsAreServed(cluster: ClusterArm): Promise<void> {
  await waitFor(async () => (await cluster.call('GET', POLICIES)).status === 200, {
    what: 'JsPolicy to be served',
    timeoutMs: TIMEOUT_MS,
  });
}

export async function untilSynced(cluster: ClusterArm, name: string): Promise<void> {
  await waitFor(async () => (await cluster.call('GET', `${POLICIES}/${name}`)).body.status?.phase === 'Synced', {
    what: `policy ${name} to be Synced`,
    timeoutMs: TIMEOUT_MS,
  });
}

export async function createNamespace(cluster: ClusterArm, name: string, labels: Record<string, string>) {
  const { status } = await cluster.call('POST', '/api/v1/namespaces', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels },
  });
  if (status !== 201 && status !== 409) throw new Error(`namespace ${name} was not created: HTTP ${status}`);
}
