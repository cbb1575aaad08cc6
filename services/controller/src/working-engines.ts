import type { KubeObject } from '@jspolicy/contracts';

/** Twice what a Lease lasts: an engine whose leader died has another one by then. */
const GONE_AFTER_MS = 30_000;

/** The Lease that the replicas of an engine elect their leader by, in the namespace of that engine. */
export interface EngineLease extends KubeObject {
  spec?: { holderIdentity?: string; renewTime?: string };
}

/**
 * Which engines work in a cluster, by what was seen of their Leases: one that was held, and was renewed in the last 30 s by
 * the clock of this machine.
 */
export class WorkingEngines {
  readonly #seen = new Map<string, { renewed: string; atMs: number; again: boolean }>();

  /** What is there now. */
  see(leases: readonly EngineLease[], nowMs: number): EngineLease[] {
    return leases.filter((lease) => {
      const namespace = lease.metadata.namespace ?? '';
      const { holderIdentity, renewTime = '' } = lease.spec ?? {};
      const before = this.#seen.get(namespace);
      if (holderIdentity && before?.renewed !== renewTime)
        this.#seen.set(namespace, { renewed: renewTime, atMs: nowMs, again: before !== undefined });
      return this.#isFresh(namespace, nowMs);
    });
  }

  /** Not only does its Lease name a holder, as that of one that died does: it was seen to be renewed. */
  isRenewed(namespace: string, nowMs: number): boolean {
    return this.#isFresh(namespace, nowMs) && this.#seen.get(namespace)?.again === true;
  }

  /** Nothing could be seen for a while: all that are held count as renewed at the next look. */
  forget(): void {
    this.#seen.clear();
  }

  #isFresh(namespace: string, nowMs: number): boolean {
    const { atMs } = this.#seen.get(namespace) ?? {};
    return atMs !== undefined && nowMs - atMs < GONE_AFTER_MS;
  }
}

/**
 * The engine that one of this namespace has to give way to. One that does not work yet gives way to any; of two that
 * began at once the one whose Lease is older goes on.
 */
export function precedenceOver(own: EngineLease | undefined, working: readonly EngineLease[], namespace: string) {
  const others = working.filter(({ metadata }) => metadata.namespace !== namespace);
  return others.filter((other) => !own || isOlder(other, own)).sort((a, b) => (isOlder(a, b) ? -1 : 1))[0];
}

const isOlder = (a: EngineLease, b: EngineLease): boolean => ageText(a) < ageText(b);

/** Of an API server's times, which sort as texts. */
const ageText = ({ metadata }: EngineLease): string => `${metadata['creationTimestamp']} ${metadata.namespace}`;
