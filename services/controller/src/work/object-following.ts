import type { Bus } from '@jspolicy/bus';
import { type PolicyRecord, WORK_STREAM } from '@jspolicy/contracts';
import type { Cluster, ResourceType, Running } from '@jspolicy/kube';
import type { Logger } from '@jspolicy/runtime';
import { followedTypes } from './followed-types.ts';
import { KindWatches } from './kind-watches.ts';
import { NamespaceLabels } from './namespace-labels.ts';
import { type FollowingRecord, PolicyObjects } from './policy-objects.ts';
import { ServedTypes } from './served-types.ts';
import { WorkPublisher } from './work-publisher.ts';

/** A kind that is not there yet is looked for so often: policies may be applied before the kinds that they follow. */
const LOOK_FOR_KINDS_MS = 5_000;

export interface ObjectFollowingParts {
  cluster: Pick<Cluster, 'get' | 'types' | 'watch'>;
  bus: Pick<Bus, 'work' | 'streamIdentity'>;
  ownNamespace: string;
  /** After so long everything is queued again. */
  resyncMs: number;
  /** Aborts when this replica leads no more. */
  signal: AbortSignal;
  /** What problemOf() says of the policy may have changed. */
  onProblem(policy: string): void;
  onQueued(policy: string): void;
  log: Logger;
}

/** The objects of all Controller policies: watched while this replica leads, queued when something becomes of them. */
export class ObjectFollowing implements Running {
  readonly #parts: ObjectFollowingParts;
  readonly #publisher: WorkPublisher;
  readonly #watches: KindWatches;
  readonly #namespaces: NamespaceLabels;
  readonly #types: ServedTypes;
  readonly #policies = new Map<string, PolicyObjects>();
  readonly #resync: NodeJS.Timeout;
  readonly #looks = new Map<string, NodeJS.Timeout>();
  #stream: string | undefined;

  constructor(parts: ObjectFollowingParts) {
    const { cluster, bus, signal, onQueued, log, resyncMs } = parts;
    this.#parts = parts;
    this.#publisher = new WorkPublisher({ work: bus.work, signal, onQueued, log });
    this.#watches = new KindWatches(cluster, log);
    this.#namespaces = new NamespaceLabels(cluster, this.#watches);
    this.#types = new ServedTypes(cluster);
    this.#resync = setInterval(() => this.#queueAll(), resyncMs);
  }

  /**
   * Follows what the record says, after the record was stored: who takes the work looks for it. Gives why nothing, or not
   * everything, can be followed.
   */
  async follow(record: PolicyRecord): Promise<string | undefined> {
    if (!isFollowing(record)) return this.#leave(record.name);
    if (record.objects.resources.includes('*')) {
      await this.forget(record.name);
      return "resources: a Controller policy names what it follows, '*' is not allowed";
    }
    const types = followedTypes(record.objects, await this.#types.read(this.#parts.signal));
    await this.#dropLeft(record.name, types);
    this.#parts.signal.throwIfAborted();
    const followed = this.#policyObjects(record, types);
    if (types.length > 0) return followed.problem;
    this.#lookAgain(record.name);
    return `nothing that can be followed is served: ${record.objects.resources.join(', ')}`;
  }

  /** Ends it, and forgets what waits. */
  async forget(policy: string): Promise<void> {
    this.#leave(policy);
    await this.#publisher.forget(policy);
    this.#parts.signal.throwIfAborted();
    await this.#parts.bus.work.drop(policy);
  }

  /** Queues everything again when the bus lost what it held. */
  async look(): Promise<void> {
    const stream = await this.#parts.bus.streamIdentity(WORK_STREAM);
    if (this.#stream !== undefined && this.#stream !== stream) this.#queueAll();
    this.#stream = stream;
  }

  async stop(): Promise<void> {
    clearInterval(this.#resync);
    for (const timer of this.#looks.values()) clearTimeout(timer);
    for (const followed of this.#policies.values()) followed.stop();
    await this.#watches.stop();
  }

  #leave(policy: string): undefined {
    clearTimeout(this.#looks.get(policy));
    this.#looks.delete(policy);
    this.#policies.get(policy)?.stop();
    this.#policies.delete(policy);
  }

  #lookAgain(policy: string): void {
    clearTimeout(this.#looks.get(policy));
    const timer = setTimeout(() => this.#parts.onProblem(policy), LOOK_FOR_KINDS_MS);
    this.#looks.set(policy, timer);
  }

  /** What waits of kinds that the policy follows no more. */
  async #dropLeft(policy: string, types: ResourceType[]): Promise<void> {
    const left = (this.#policies.get(policy)?.types ?? []).filter(
      ({ group, resource }) => !types.some((type) => type.group === group && type.resource === resource),
    );
    for (const type of left) await this.#parts.bus.work.drop(policy, type);
  }

  #policyObjects(record: FollowingRecord, types: ResourceType[]): PolicyObjects {
    const { name } = record;
    const before = this.#policies.get(name);
    const followed = before?.isOf(record) ? before : this.#newPolicyObjects(record);
    // Kinds that the one before follows too keep their watch.
    followed.follow(types);
    if (before !== followed) before?.stop();
    this.#policies.set(name, followed);
    return followed;
  }

  #newPolicyObjects(record: FollowingRecord): PolicyObjects {
    const { ownNamespace, onProblem } = this.#parts;
    const shared = { watches: this.#watches, namespaces: this.#namespaces, ownNamespace };
    const put = this.#publisher.put.bind(this.#publisher);
    return new PolicyObjects(record, { ...shared, put, onProblem: () => onProblem(record.name) });
  }

  #queueAll(): void {
    for (const followed of this.#policies.values()) followed.queueAll();
  }
}

const isFollowing = (record: PolicyRecord): record is FollowingRecord =>
  record.bundle !== undefined && record.objects !== undefined;
