import { isDeepStrictEqual } from 'node:util';
import type { ObjectMeta } from '@jspolicy/contracts';
import type { Cluster, Running, WatchHandler } from '@jspolicy/kube';
import type { Logger } from '@jspolicy/runtime';
import { POLICIES } from '../resource-types.ts';

interface Known {
  uid: string;
  annotations: Record<string, string>;
}

export interface LivePoliciesParts {
  cluster: Cluster;
  log: Logger;
  /** The first time, too. */
  onAnnotations(policy: string): void;
  onGone(): void;
}

/** Which policies there are, and their annotations. */
export class LivePolicies implements Running {
  readonly #parts: LivePoliciesParts;
  readonly #known = new Map<string, Known>();
  readonly #watch: Running;
  #synced = false;

  constructor(parts: LivePoliciesParts) {
    this.#parts = parts;
    this.#watch = parts.cluster.watch(POLICIES, this.#handler(), { metadataOnly: true });
  }

  /** All that existed at the start are known. */
  get synced(): boolean {
    return this.#synced;
  }

  /** Whether the policy is there, and is the one of this uid. */
  has(policy: string, uid: string): boolean {
    return this.#known.get(policy)?.uid === uid;
  }

  readonly annotationsOf = (policy: string): Record<string, string> | undefined => this.#known.get(policy)?.annotations;

  stop(): Promise<void> {
    return this.#watch.stop();
  }

  #handler(): WatchHandler {
    const { log, onGone } = this.#parts;
    return {
      onChange: ({ metadata }) => this.#changed(metadata),
      onDelete: ({ metadata }) => {
        this.#known.delete(metadata.name);
        onGone();
      },
      onSynced: () => {
        this.#synced = true;
        onGone();
      },
      onError: (err) => log.debug({ err }, 'watch of policies for reports'),
    };
  }

  #changed({ name, uid = '', annotations = {} }: ObjectMeta): void {
    const before = this.#known.get(name);
    this.#known.set(name, { uid, annotations });
    if (before && before.uid !== uid) this.#parts.onGone();
    if (!isDeepStrictEqual(before?.annotations, annotations)) this.#parts.onAnnotations(name);
  }
}
