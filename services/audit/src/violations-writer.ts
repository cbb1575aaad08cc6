import { isDeepStrictEqual } from 'node:util';
import { API_GROUP, API_VERSION, type JsPolicyViolations, type KubeObject } from '@jspolicy/contracts';
import { type Cluster, KubeError, type ResourceType } from '@jspolicy/kube';
import { type Delivery, mergeViolations } from '@jspolicy/policy';

const kind = (name: string, resource: string): ResourceType => ({
  group: API_GROUP,
  version: 'v1beta1',
  kind: name,
  resource,
  namespaced: false,
});
const POLICIES = kind('JsPolicy', 'jspolicies');
const VIOLATIONS = kind('JsPolicyViolations', 'jspolicyviolations');

/** Other replicas write the same object: after so many conflicts the messages are delivered again later. */
const MAX_CONFLICTS = 10;

/** `unchanged`: all of it stood there already. `gone`: there is no such policy, so nobody waits for its violations. */
export type Written = 'written' | 'unchanged' | 'gone';

export interface WriteOptions {
  size: number;
  stream: string;
}

/** Writes violations into the status of JsPolicyViolations. */
export class ViolationsWriter {
  readonly #cluster: Cluster;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** Merges the events into the status. Safe to repeat, and beside other replicas. */
  async write(policy: string, deliveries: Delivery[], options: WriteOptions): Promise<Written> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#tryWrite(policy, deliveries, options);
      } catch (error) {
        const conflict =
          error instanceof KubeError && (error.reason === 'Conflict' || error.reason === 'AlreadyExists');
        if (!conflict || attempt >= MAX_CONFLICTS) throw error;
      }
    }
  }

  async #tryWrite(policy: string, deliveries: Delivery[], options: WriteOptions): Promise<Written> {
    const existing = (await this.#cluster.get(VIOLATIONS, policy)) ?? (await this.#create(policy));
    if (!existing) return 'gone';
    const { status } = existing as JsPolicyViolations;
    const merged = mergeViolations(status, deliveries, options);
    if (isDeepStrictEqual(status, merged)) return 'unchanged';
    await this.#cluster.updateStatus(VIOLATIONS, { ...existing, status: merged });
    return 'written';
  }

  async #create(policy: string): Promise<KubeObject | undefined> {
    const owner = await this.#cluster.get(POLICIES, policy);
    if (!owner) return undefined;
    const reference = {
      apiVersion: API_VERSION,
      kind: 'JsPolicy',
      name: policy,
      uid: owner.metadata.uid ?? '',
      controller: true,
      blockOwnerDeletion: true,
    };
    return this.#cluster.create(VIOLATIONS, {
      apiVersion: API_VERSION,
      kind: 'JsPolicyViolations',
      metadata: { name: policy, ownerReferences: [reference] },
      spec: {},
    });
  }
}
