import type { Bus } from '@jspolicy/bus';
import type { Cluster, Running } from '@jspolicy/kube';
import type { Logger } from '@jspolicy/runtime';
import { BundleSource } from './bundle-source.ts';
import { CompilerClient } from './compiler-client.ts';
import { type Mirrors, mirrorAll } from './mirrors.ts';
import { Quarantines } from './quarantines.ts';
import { Reconciler } from './reconciler.ts';
import { Records } from './records.ts';
import { RepeatedLook } from './repeated-look.ts';
import type { WebhookTarget } from './webhook-configuration.ts';
import { Webhooks } from './webhooks.ts';
import { whenBusIsBack } from './when-bus-is-back.ts';
import { ObjectFollowing } from './work/object-following.ts';
import { WorkQueue } from './work-queue.ts';
import { type Verb, Writes } from './writes.ts';

/** Policies at once. They mostly wait, for a compiler above all, and those that need none must not wait behind them. */
const PARALLEL = 16;

export interface LeaderParts {
  cluster: Cluster;
  bus: Bus;
  target: WebhookTarget;
  compileTimeoutMs: number;
  /** How long a bundle stays that no policy uses any more. */
  unusedBundleMs: number;
  /** After so long Controller policies are evaluated for everything again. */
  resyncMs: number;
  log: Logger;
  onWrite(verb: Verb, kind: string): void;
  onQueued(policy: string): void;
}

/** The work of the one controller that leads. stop() ends it at once: from then on nothing is written. */
export function startLeading(parts: LeaderParts): Running {
  const leader = new Leader(parts);
  leader.begin().catch((err: unknown) => parts.log.error({ err }, 'work of the leader did not begin'));
  return leader;
}

class Leader implements Running {
  readonly #parts: LeaderParts;
  readonly #leading = new AbortController();
  readonly #queue: WorkQueue;
  readonly #mirrors: Mirrors;
  readonly #quarantines: Quarantines;
  readonly #records: Records;
  readonly #webhooks: Webhooks;
  readonly #objects: ObjectFollowing;
  readonly #reconciler: Reconciler;
  readonly #look: RepeatedLook;
  #connection: { stop(): void } | undefined;

  constructor(parts: LeaderParts) {
    const { cluster, bus, target, compileTimeoutMs, unusedBundleMs, resyncMs, log, onWrite, onQueued } = parts;
    const { signal } = this.#leading;
    this.#parts = parts;
    this.#queue = new WorkQueue({
      parallel: PARALLEL,
      work: (name) => this.#reconciler.reconcile(name),
      onFailure: (policy, err, retryMs) => log.warn({ policy, err, retryMs }, 'reconcile failed, it is tried again'),
    });
    const enqueue = (name: string) => this.#queue.add(name);
    this.#mirrors = mirrorAll(cluster, log, enqueue);
    this.#quarantines = new Quarantines({ bus, log, onChange: enqueue });
    this.#records = new Records({ bus, log, signal, unusedBundleMs });
    const writes = new Writes(cluster, { signal, onWrite });
    this.#webhooks = new Webhooks(writes, target, this.#mirrors);
    const following = { ownNamespace: target.namespace, resyncMs, onProblem: enqueue, onQueued };
    this.#objects = new ObjectFollowing({ cluster, bus, signal, log, ...following });
    const source = new BundleSource(new CompilerClient(bus, { timeoutMs: compileTimeoutMs, signal }));
    const shared = { ...this.#mirrors, records: this.#records, quarantines: this.#quarantines, objects: this.#objects };
    this.#reconciler = new Reconciler({ ...shared, writes, bus, log, webhooks: this.#webhooks, source });
    this.#look = new RepeatedLook(() => this.#lookAtAll(), log);
  }

  /** Before everything that exists is known, a policy that is merely not told yet would look removed. */
  async begin(): Promise<void> {
    const { bus } = this.#parts;
    await Promise.all([...this.#all().map(({ synced }) => synced), this.#quarantines.synced]);
    if (this.#leading.signal.aborted) return;
    this.#queue.start();
    this.#connection = whenBusIsBack(bus, () => void this.#look.now());
    await this.#look.now();
  }

  async stop(): Promise<void> {
    this.#leading.abort(new Error('this controller leads no more'));
    this.#look.stop();
    this.#connection?.stop();
    this.#records.stop();
    await Promise.all([...this.#all(), this.#quarantines, this.#queue, this.#objects].map((each) => each.stop()));
  }

  #all() {
    const { policies, bundles, validating, mutating } = this.#mirrors;
    return [policies, bundles, validating, mutating];
  }

  /** Policies that exist, and what is left of policies that do not. The bus may have lost what it held. */
  async #lookAtAll(): Promise<void> {
    const { policies, bundles } = this.#mirrors;
    await this.#parts.bus.ensureTopology();
    for (const { metadata } of [...policies.all(), ...bundles.all()]) this.#queue.add(metadata.name);
    for (const name of [...this.#webhooks.policies(), ...(await this.#records.names())])
      if (!policies.get(name)) this.#queue.add(name);
    await this.#objects.look();
    await this.#records.dropUnused();
  }
}
