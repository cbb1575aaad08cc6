import type { KubeObject } from '@jspolicy/contracts';
import type { Cluster, RequestOptions, ResourceType } from '../port.ts';
import { KubeError } from '../port.ts';

const LEASES: ResourceType = {
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  resource: 'leases',
  namespaced: true,
};
const NAMESPACES: ResourceType = {
  group: '',
  version: 'v1',
  kind: 'Namespace',
  resource: 'namespaces',
  namespaced: false,
};

export interface LeaseSpec {
  holderIdentity?: string;
  leaseDurationSeconds?: number;
  acquireTime?: string;
  renewTime?: string;
  leaseTransitions?: number;
}

export interface Lease extends KubeObject {
  spec?: LeaseSpec;
}

/** Reads and writes one Lease object; the namespace is made when it is missing. */
export class LeaseRecord {
  readonly #cluster: Cluster;
  readonly #namespace: string;
  readonly #name: string;

  constructor(cluster: Cluster, namespace: string, name: string) {
    this.#cluster = cluster;
    this.#namespace = namespace;
    this.#name = name;
  }

  read(options: RequestOptions): Promise<Lease | undefined> {
    return this.#cluster.get(LEASES, this.#name, this.#namespace, options);
  }

  /** Throws KubeError Conflict when another wrote meanwhile, AlreadyExists when another created it. */
  write(before: Lease | undefined, spec: LeaseSpec, options: RequestOptions): Promise<Lease> {
    if (before) return this.#cluster.update(LEASES, { ...before, spec }, options);
    const metadata = { name: this.#name, namespace: this.#namespace };
    const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec };
    return this.#cluster.create(LEASES, lease, options).catch(async (error: unknown) => {
      if (!(error instanceof KubeError && error.status === 404)) throw error;
      await this.#createNamespace(options);
      return this.#cluster.create(LEASES, lease, options);
    });
  }

  async #createNamespace(options: RequestOptions): Promise<void> {
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: this.#namespace } };
    await this.#cluster.create(NAMESPACES, namespace, options).catch((error: unknown) => {
      if (!(error instanceof KubeError && error.reason === 'AlreadyExists')) throw error;
    });
  }
}
