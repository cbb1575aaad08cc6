import type { KubeObject } from '@jspolicy/contracts';
import type { Cluster, ListOptions, ResourceType } from '@jspolicy/kube';
import type { JsonText } from '@jspolicy/sandbox';
import { withSortedKeys } from './sorted-keys.ts';

/** Beyond this a list would endanger the evaluator. No policy could take it: its sandbox has less memory. */
const MAX_LIST_BYTES = 128 * 1024 * 1024;

/** Where a read may be answered from: the cluster itself, a copy that is kept current, or first the copy. */
export type ReadFrom = 'cluster' | 'copy' | 'copy-then-cluster';

/** What get() and list() read, with sorted keys, or the text of that. The signal ends a read. */
export interface ClusterReader {
  /** Throws KubeError NotFound when the cluster does not serve the kind. */
  resolve(apiVersion: string, kind: string, signal: AbortSignal): Promise<ResourceType>;
  get(
    type: ResourceType,
    key: { name: string; namespace?: string },
    from: ReadFrom,
    signal: AbortSignal,
  ): Promise<KubeObject | JsonText | undefined>;
  list(type: ResourceType, options: ListOptions, from: ReadFrom): Promise<KubeObject[] | JsonText>;
}

/** Asks the cluster each time, wherever a read might be answered from. */
export class DirectReader implements ClusterReader {
  readonly #open: () => Promise<Cluster>;

  constructor(open: () => Promise<Cluster>) {
    this.#open = open;
  }

  async resolve(apiVersion: string, kind: string, signal: AbortSignal): Promise<ResourceType> {
    return (await this.#open()).resolve(apiVersion, kind, { signal });
  }

  async get(
    type: ResourceType,
    { name, namespace }: { name: string; namespace?: string },
    _from: ReadFrom,
    signal: AbortSignal,
  ): Promise<KubeObject | undefined> {
    const found = await (await this.#open()).get(type, name, namespace, { signal });
    return found && withSortedKeys(found);
  }

  async list(type: ResourceType, options: ListOptions): Promise<KubeObject[]> {
    const cluster = await this.#open();
    return (await cluster.list(type, { ...options, maxBytes: MAX_LIST_BYTES })).map(withSortedKeys);
  }
}
