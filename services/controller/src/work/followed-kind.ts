import type { ObjectMatch, PolicyRecord, WorkMessage } from '@jspolicy/contracts';
import { matchesLabels, type Requirements, type ResourceType, requirementsOf } from '@jspolicy/kube';
import { backoffMs, pause } from '@jspolicy/runtime';
import type { KindListener, KindWatch } from './kind-watch.ts';
import type { KindWatches } from './kind-watches.ts';
import { NAMESPACES, type NamespaceLabels, withName } from './namespace-labels.ts';
import type { Labels, ObjectFacts } from './object-facts.ts';

const RETRY = { baseMs: 100, maxMs: 5_000 };

export interface FollowedKindParts {
  record: PolicyRecord & { objects: ObjectMatch };
  type: ResourceType;
  watches: KindWatches;
  namespaces: NamespaceLabels;
  /** Of the engine: what is in it never passes through policies of users. */
  ownNamespace: string;
  put(work: WorkMessage): void;
  onProblem(): void;
}

/** One kind that one policy follows: queues what its selectors match. */
export class FollowedKind implements KindListener {
  readonly #parts: FollowedKindParts;
  readonly #ofNamespace: Requirements;
  readonly #ofObject: Requirements;
  readonly #watch: KindWatch;
  readonly #stopping = new AbortController();
  readonly #onNamespace = (name: string, before: Labels, after: Labels) => this.#namespaceChanged(name, before, after);

  /** Throws KubeError for a selector that is none. */
  constructor(parts: FollowedKindParts) {
    const { record, type, watches, namespaces } = parts;
    this.#parts = parts;
    this.#ofNamespace = requirementsOf(record.objects.namespaceSelector);
    this.#ofObject = requirementsOf(record.objects.objectSelector);
    if (this.#asksNamespaces) namespaces.use(this.#onNamespace);
    this.#watch = watches.follow(type, this);
    this.queueAll();
  }

  get type(): ResourceType {
    return this.#parts.type;
  }

  get problem(): string | undefined {
    return this.#watch.problem;
  }

  stop(): void {
    this.#stopping.abort();
    this.#parts.watches.leave(this.#watch, this);
    this.#parts.namespaces.leave(this.#onNamespace);
  }

  /** Everything that exists. */
  queueAll(): void {
    for (const object of this.#watch.objects) this.onObject(object);
  }

  onObject(object: ObjectFacts): void {
    if (this.#has(object.leaving ? 'DELETE' : 'CREATE')) this.#queueIfSelected(object, false);
  }

  onGone(object: ObjectFacts): void {
    if (this.#has('DELETE')) this.#queueIfSelected(object, true);
  }

  onProblem(): void {
    this.#parts.onProblem();
  }

  get #asksNamespaces(): boolean {
    return this.#ofNamespace.length > 0;
  }

  #has(operation: string): boolean {
    const { operations } = this.#parts.record.objects;
    return operations.includes('*') || operations.includes(operation);
  }

  #queueIfSelected(object: ObjectFacts, gone: boolean): void {
    if (this.#isOwn(object) || !matchesLabels(this.#ofObject, object.labels)) return;
    const labels = this.#namespaceLabels(object);
    if (labels === 'unknown') void this.#queueWhenKnown(object, gone);
    else if (labels === undefined || matchesLabels(this.#ofNamespace, labels)) this.#queue(object, gone);
  }

  /** undefined: no selector asks for them, or the object is in no namespace. A Namespace is matched by its own labels. */
  #namespaceLabels({ name, namespace, labels }: ObjectFacts): Labels | 'unknown' | undefined {
    if (!this.#asksNamespaces) return undefined;
    if (isNamespace(this.#parts.type)) return withName(name, labels);
    return namespace === '' ? undefined : (this.#parts.namespaces.known(namespace) ?? 'unknown');
  }

  /** An object may be told before its namespace is. */
  async #queueWhenKnown(object: ObjectFacts, gone: boolean): Promise<void> {
    const { signal } = this.#stopping;
    for (let attempt = 0; !signal.aborted; attempt++) {
      const labels = await this.#parts.namespaces.read(object.namespace).catch(() => undefined);
      if (labels && !signal.aborted && matchesLabels(this.#ofNamespace, labels)) this.#queue(object, gone);
      if (labels) return;
      await pause(backoffMs(attempt, RETRY), signal);
    }
  }

  /** Objects that the selector did not match until now. */
  #namespaceChanged(name: string, before: Labels, after: Labels): void {
    if (matchesLabels(this.#ofNamespace, before) || !matchesLabels(this.#ofNamespace, after)) return;
    for (const object of this.#watch.objects) if (object.namespace === name) this.onObject(object);
  }

  #isOwn({ name, namespace }: ObjectFacts): boolean {
    return (isNamespace(this.#parts.type) ? name : namespace) === this.#parts.ownNamespace;
  }

  #queue({ name, namespace, resourceVersion }: ObjectFacts, gone: boolean): void {
    const { record, type, put } = this.#parts;
    const { name: policy, uid: policyUid, generation, bundle } = record;
    const object = { ...type, ...(namespace !== '' && { namespace }), name };
    const digest = bundle?.digest ?? '';
    put({ schema: 1, policy, policyUid, generation, digest, object, seen: { resourceVersion, gone } });
  }
}

const isNamespace = ({ group, resource }: ResourceType): boolean =>
  group === NAMESPACES.group && resource === NAMESPACES.resource;
