import { type KubeAnswer, type KubeApiServer, kubeRequest, waitFor } from '@jspolicy/testing';

const POLICIES = '/apis/policy.jspolicy.com/v1beta1/jspolicies';
const VIOLATIONS = '/apis/policy.jspolicy.com/v1beta1/jspolicyviolations';

/** What a person does with kubectl, against a real API server. */
export class ClusterClient {
  readonly #kube: KubeApiServer;

  constructor(kube: KubeApiServer) {
    this.#kube = kube;
  }

  call(method: string, path: string, body?: unknown): Promise<KubeAnswer> {
    return kubeRequest(this.#kube, method, path, body);
  }

  /** Resolves when the engine has installed its kinds. */
  async servesKinds(): Promise<void> {
    await waitFor(async () => (await this.call('GET', POLICIES)).status === 200, {
      what: 'the kinds to be served',
    });
  }

  /** Creates a policy and waits until its status says that it is in force. */
  async applyPolicy(policy: { metadata: { name: string } }): Promise<void> {
    const created = await this.call('POST', POLICIES, policy);
    if (created.status !== 201) throw new Error(`policy was not created: ${JSON.stringify(created.body)}`);
    await this.synced(policy.metadata.name);
  }

  async synced(name: string): Promise<void> {
    await waitFor(async () => (await this.policy(name)).status?.phase === 'Synced', {
      what: `${name} to be Synced`,
    });
  }

  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came.
  async policy(name: string): Promise<any> {
    return (await this.call('GET', `${POLICIES}/${name}`)).body;
  }

  removePolicy(name: string): Promise<KubeAnswer> {
    return this.call('DELETE', `${POLICIES}/${name}`);
  }

  /** The entries of the policy's violations, once there are at least so many. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came.
  async violations(name: string, atLeast: number): Promise<any[]> {
    return waitFor(
      async () => {
        const entries = (await this.call('GET', `${VIOLATIONS}/${name}`)).body.status?.violations ?? [];
        return entries.length >= atLeast && entries;
      },
      { what: `${atLeast} violations of ${name}` },
    );
  }

  createNamespace(name: string): Promise<KubeAnswer> {
    return this.call('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  }

  createPod(pod: { metadata: { namespace: string } }, query = ''): Promise<KubeAnswer> {
    return this.call('POST', `/api/v1/namespaces/${pod.metadata.namespace}/pods${query}`, pod);
  }
}
