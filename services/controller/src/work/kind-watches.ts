import type { Cluster, ResourceType, Running } from '@jspolicy/kube';
import type { Logger } from '@jspolicy/runtime';
import { type KindListener, KindWatch } from './kind-watch.ts';

const nameOf = ({ group, version, resource }: ResourceType): string => `${group}/${version}/${resource}`;

/** One watch for each kind that somebody follows, however many do. */
export class KindWatches implements Running {
  readonly #cluster: Pick<Cluster, 'watch'>;
  readonly #log: Logger;
  readonly #watches = new Map<string, KindWatch>();
  readonly #ending = new Set<Promise<void>>();

  constructor(cluster: Pick<Cluster, 'watch'>, log: Logger) {
    this.#cluster = cluster;
    this.#log = log;
  }

  /** Told of what comes from now on; ended with leave(). */
  follow(type: ResourceType, listener: KindListener): KindWatch {
    const watch = this.#watches.get(nameOf(type)) ?? this.#start(type);
    watch.listen(listener);
    return watch;
  }

  leave(watch: KindWatch, listener: KindListener): void {
    watch.leave(listener);
    if (!watch.isUnused) return;
    this.#watches.delete(nameOf(watch.type));
    const ending = watch.stop().finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#ending, ...[...this.#watches.values()].map((watch) => watch.stop())]);
  }

  #start(type: ResourceType): KindWatch {
    const watch = new KindWatch(this.#cluster, type, (err) =>
      this.#log.warn({ err, kind: type.kind }, 'watch of objects failed, it goes on'),
    );
    this.#watches.set(nameOf(type), watch);
    return watch;
  }
}
