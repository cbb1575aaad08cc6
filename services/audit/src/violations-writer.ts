import { API_VERSION, type JsPolicyViolations } from '@jspolicy/contracts';
import { type Cluster, KubeError } from '@jspolicy/kube';
import { type Delivery, type MergeOptions, mergeViolations } from '@jspolicy/policy';
import { pause } from '@jspolicy/runtime';
import { POLICIES, VIOLATIONS } from './resource-types.ts';

/** Other replicas write the same object: after so many conflicts the messages are delivered again later. */
const MAX_CONFLICTS = 10;

/** The status of one policy is written at most so often, by all replicas together. */
const MIN_GAP_MS = 1_000;

/** `unchanged`: all of it stood there already. `gone`: there is no such policy, so nobody waits for its violations. */
export type Written = 'written' | 'unchanged' | 'gone';

export interface WriterParts {
  cluster: Cluster;
  /** Aborts when the service stops: then nobody waits for the gap. */
  stopping: AbortSignal;
}

/** Writes violations into the status of JsPolicyViolations. */
export class ViolationsWriter {
  readonly #cluster: Cluster;
  readonly #stopping: AbortSignal;

  constructor({ cluster, stopping }: WriterParts) {
    this.#cluster = cluster;
    this.#stopping = stopping;
  }

  /**
   * Merges the events into the status. Safe to repeat, and beside other replicas. `atOnce`: without the gap, for the rare
   * write that is made in parts.
   */
  async write(policy: string, deliveries: Delivery[], options: MergeOptions & { atOnce?: boolean }): Promise<Written> {
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

  async #tryWrite(
    policy: string,
    deliveries: Delivery[],
    { atOnce = false, ...options }: MergeOptions & { atOnce?: boolean },
  ): Promise<Written> {
    const existing = (await this.#afterGap(policy, atOnce)) ?? (await this.#create(policy));
    if (!existing) return 'gone';
    const { status: merged, added } = mergeViolations(existing.status, deliveries, options);
    if (added === 0) return 'unchanged';
    const status = { ...merged, writtenAt: new Date().toISOString() };
    await this.#cluster.updateStatus(VIOLATIONS, { ...existing, status });
    return 'written';
  }

  /** The object as it stands when it may be written again. */
  async #afterGap(policy: string, atOnce: boolean): Promise<JsPolicyViolations | undefined> {
    let waitedFor: string | undefined;
    for (;;) {
      const existing = (await this.#cluster.get(VIOLATIONS, policy)) as JsPolicyViolations | undefined;
      const writtenAt = existing?.status?.writtenAt;
      const waitMs = gapMs(writtenAt);
      // Nobody else wrote in the meantime: a time in the future, by another clock, holds nothing up.
      if (waitMs <= 0 || writtenAt === waitedFor || atOnce || this.#stopping.aborted) return existing;
      await pause(waitMs, this.#stopping);
      waitedFor = writtenAt;
    }
  }

  async #create(policy: string): Promise<JsPolicyViolations | undefined> {
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
    const object = {
      apiVersion: API_VERSION,
      kind: 'JsPolicyViolations',
      metadata: { name: policy, ownerReferences: [reference] },
      spec: {},
    };
    return (await this.#cluster.create(VIOLATIONS, object)) as JsPolicyViolations;
  }
}

/** What is left of the gap, by this clock: a whole gap at most. */
function gapMs(writtenAt: string | undefined): number {
  const since = Date.now() - Date.parse(writtenAt ?? '');
  return since < MIN_GAP_MS ? Math.min(MIN_GAP_MS, MIN_GAP_MS - since) : 0;
}
