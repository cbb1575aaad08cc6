import type { KubeObject } from '@jspolicy/contracts';

/** Where objects of one kind live. `resource` is the plural in URLs. */
export interface ResourceType {
  group: string;
  version: string;
  kind: string;
  resource: string;
  namespaced: boolean;
}

export interface ListOptions {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  /** At most so many objects; absent: all, read in pages. */
  limit?: number;
  /** An API server's answer that is larger is not read to its end: KubeError RequestEntityTooLarge. */
  maxBytes?: number;
  signal?: AbortSignal;
}

export interface RequestOptions {
  signal?: AbortSignal;
}

export interface WriteOptions extends RequestOptions {
  /** Everything is checked and answered, nothing is written. */
  dryRun?: boolean;
}

export interface RemoveOptions extends WriteOptions {
  /** Throws KubeError NotFound when there is none. */
  mustExist?: boolean;
}

/** An answer of the cluster that is an error: reason and message are those of its Status (NotFound, Conflict ...). */
export class KubeError extends Error {
  readonly status: number;
  readonly reason: string;
  constructor(status: number, reason: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'KubeError';
    this.status = status;
    this.reason = reason;
  }
}

/** What a watch tells. `synced` comes once, when everything that existed at the start was told. */
export interface WatchHandler {
  onChange(object: KubeObject): void;
  onDelete(object: KubeObject): void;
  onSynced(): void;
  /** Trouble that the watch itself goes on from; for the log. */
  onError(error: Error): void;
}

export interface WatchOptions {
  /** Absent: objects of all namespaces. */
  namespace?: string;
  fieldSelector?: string;
  /** The API server tells of metadata alone; a directory of manifests tells whole objects all the same. */
  metadataOnly?: boolean;
}

/** Something that runs until it is stopped. stop() may be called twice. */
export interface Running {
  stop(): Promise<void>;
}

export interface LeaseHandler {
  onAcquired(): void;
  /** Called before another holder can have it: work that writes must end now. */
  onLost(): void;
}

/** A cluster: an API server, or a directory of manifests. Objects are raw JSON, never typed copies. */
export interface Cluster {
  /** The type of a kind. Throws KubeError NotFound when the cluster does not serve it. */
  resolve(apiVersion: string, kind: string, options?: RequestOptions): Promise<ResourceType>;
  /** Every type that can be listed and watched, in each of its versions; those of a group in its order of preference. */
  types(options?: RequestOptions): Promise<ResourceType[]>;
  /** undefined when there is none of that name. */
  get(type: ResourceType, name: string, namespace?: string, options?: RequestOptions): Promise<KubeObject | undefined>;
  list(type: ResourceType, options?: ListOptions): Promise<KubeObject[]>;
  create(type: ResourceType, object: KubeObject, options?: WriteOptions): Promise<KubeObject>;
  /** Replaces; a resourceVersion in metadata is checked. */
  update(type: ResourceType, object: KubeObject, options?: WriteOptions): Promise<KubeObject>;
  /** Replaces the status subresource; a resourceVersion in metadata is checked. */
  updateStatus(type: ResourceType, object: KubeObject, options?: RequestOptions): Promise<KubeObject>;
  /** No error when there is none, unless the options say so. */
  remove(type: ResourceType, name: string, namespace?: string, options?: RemoveOptions): Promise<void>;
  /** Lists, then watches; starts again from a new list when the cluster says that it must. */
  watch(type: ResourceType, handler: WatchHandler, options?: WatchOptions): Running;
  /** Tries to hold the Lease `name` until stopped; a directory of manifests grants it at once. */
  elect(name: string, identity: string, handler: LeaseHandler): Running;
}
