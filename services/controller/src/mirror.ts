import type { KubeObject } from '@jspolicy/contracts';
import type { Cluster, ResourceType, Running, WatchHandler, WatchOptions } from '@jspolicy/kube';
import type { Logger } from '@jspolicy/runtime';

/** What the cluster holds of one kind, kept by a watch, and by what we write ourselves. */
export class Mirror<T extends KubeObject> implements Running {
  readonly #objects = new Map<string, T>();
  readonly #watch: Running;
  readonly synced: Promise<void>;

  /** `before` is what was known of the object until then. */
  constructor(
    cluster: Cluster,
    type: ResourceType,
    options: { onEvent(object: T, before: T | undefined): void; log: Logger },
    selected: WatchOptions = {},
  ) {
    let told: () => void = () => undefined;
    this.synced = new Promise((resolve) => {
      told = resolve;
    });
    const handler: WatchHandler = {
      onChange: (object) => {
        const before = this.#objects.get(object.metadata.name);
        this.#objects.set(object.metadata.name, object as T);
        options.onEvent(object as T, before);
      },
      onDelete: (object) => {
        const before = this.#objects.get(object.metadata.name);
        this.#objects.delete(object.metadata.name);
        options.onEvent(before ?? (object as T), before);
      },
      onSynced: () => told(),
      onError: (error) => options.log.warn({ err: error, kind: type.kind }, 'watch failed, it goes on'),
    };
    this.#watch = cluster.watch(type, handler, selected);
  }

  get(name: string): T | undefined {
    return this.#objects.get(name);
  }

  all(): T[] {
    return [...this.#objects.values()];
  }

  /**
   * What we wrote ourselves is known before the watch tells it. `base` is the version that it replaced, undefined for
   * a new object: when the mirror has another one by now, the watch was faster and what it told is at least as new.
   */
  remember(object: KubeObject, base: string | undefined): void {
    const { name } = object.metadata;
    if (this.#objects.get(name)?.metadata.resourceVersion === base) this.#objects.set(name, object as T);
  }

  forget(name: string): void {
    this.#objects.delete(name);
  }

  stop(): Promise<void> {
    return this.#watch.stop();
  }
}
