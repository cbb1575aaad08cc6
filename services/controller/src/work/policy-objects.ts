import { isDeepStrictEqual } from 'node:util';
import type { ObjectMatch, PolicyRecord } from '@jspolicy/contracts';
import type { ResourceType } from '@jspolicy/kube';
import { FollowedKind, type FollowedKindParts } from './followed-kind.ts';

/** A policy that has objects to follow, and code for them. */
export type FollowingRecord = PolicyRecord & { objects: ObjectMatch };

type Parts = Omit<FollowedKindParts, 'record' | 'type'>;

/** What one policy follows. */
export class PolicyObjects {
  readonly record: FollowingRecord;
  readonly #parts: Parts;
  #kinds: FollowedKind[] = [];

  constructor(record: FollowingRecord, parts: Parts) {
    this.record = record;
    this.#parts = parts;
  }

  get types(): ResourceType[] {
    return this.#kinds.map(({ type }) => type);
  }

  /** Why some of them could not be read yet. */
  get problem(): string | undefined {
    const kind = this.#kinds.find(({ problem }) => problem !== undefined);
    return kind && `${kind.type.resource}: ${kind.problem}`;
  }

  /** Whether this is the policy as it is now: other code, or other objects, begin anew. */
  isOf({ uid, generation, bundle, objects }: FollowingRecord): boolean {
    const { record } = this;
    const same = record.uid === uid && record.generation === generation && record.bundle?.digest === bundle?.digest;
    return same && isDeepStrictEqual(record.objects, objects);
  }

  /** Exactly these from now on; the objects of what is new are queued. */
  follow(types: readonly ResourceType[]): void {
    const [kept, left] = partition(this.#kinds, ({ type }) => types.some((each) => isDeepStrictEqual(each, type)));
    for (const kind of left) kind.stop();
    const fresh = types.filter((type) => !kept.some((kind) => isDeepStrictEqual(kind.type, type)));
    this.#kinds = [...kept, ...fresh.map((type) => new FollowedKind({ ...this.#parts, record: this.record, type }))];
  }

  queueAll(): void {
    for (const kind of this.#kinds) kind.queueAll();
  }

  stop(): void {
    for (const kind of this.#kinds) kind.stop();
    this.#kinds = [];
  }
}

function partition<T>(items: T[], isFirst: (item: T) => boolean): [T[], T[]] {
  return [items.filter(isFirst), items.filter((item) => !isFirst(item))];
}
