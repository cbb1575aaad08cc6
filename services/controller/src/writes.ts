import type { KubeObject } from '@jspolicy/contracts';
import type { Cluster, RequestOptions, ResourceType } from '@jspolicy/kube';

export type Verb = 'create' | 'update' | 'updateStatus' | 'remove';

export interface WritesOptions {
  /** Aborts when this replica leads no more: from then on nothing is written, and what is under way is cut off. */
  signal: AbortSignal;
  onWrite(verb: Verb, kind: string): void;
}

/** All writes of the leader into the cluster: each is counted, none is begun after the lead is lost. */
export class Writes implements Pick<Cluster, 'create' | 'update' | 'updateStatus'> {
  readonly #cluster: Cluster;
  readonly #options: WritesOptions;

  constructor(cluster: Cluster, options: WritesOptions) {
    this.#cluster = cluster;
    this.#options = options;
  }

  create(type: ResourceType, object: KubeObject): Promise<KubeObject> {
    return this.#write('create', type, (options) => this.#cluster.create(type, object, options));
  }

  update(type: ResourceType, object: KubeObject): Promise<KubeObject> {
    return this.#write('update', type, (options) => this.#cluster.update(type, object, options));
  }

  updateStatus(type: ResourceType, object: KubeObject): Promise<KubeObject> {
    return this.#write('updateStatus', type, (options) => this.#cluster.updateStatus(type, object, options));
  }

  /** For kinds without namespace, as all of ours are. */
  remove(type: ResourceType, name: string): Promise<void> {
    return this.#write('remove', type, (options) => this.#cluster.remove(type, name, undefined, options));
  }

  async #write<T>(verb: Verb, type: ResourceType, request: (options: RequestOptions) => Promise<T>): Promise<T> {
    const { signal, onWrite } = this.#options;
    signal.throwIfAborted();
    onWrite(verb, type.kind);
    return request({ signal });
  }
}
