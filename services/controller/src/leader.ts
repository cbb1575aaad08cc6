import type { Bus } from '@jspolicy/bus';
import type { Cluster, Running } from '@jspolicy/kube';
import type { Logger } from '@jspolicy/runtime';
import { BundleSource } from './bundle-source.ts';
import { type CertificateParts, trustAuthorities } from './certificate/trust-authorities.ts';
import type { TrustedAuthorities } from './certificate/trusted-authorities.ts';
import { CompilerClient } from './compiler-client.ts';
import type { Evaluators } from './evaluators.ts';
import { InForce } from './in-force.ts';
import { type Mirrors, mirrorAll } from './mirrors.ts';
import { OWN_WEBHOOKS, OwnWebhooks } from './own-webhooks.ts';
import { NO_EVENTS, PolicyEvents } from './policy-events.ts';
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
  /** Listened to before this replica began to lead. */
  evaluators: Pick<Evaluators, 'known' | 'listen'>;
  target: Omit<WebhookTarget, 'caBundle'>;
  certificate: CertificateParts;
  compileTimeoutMs: number;
  /** How long a bundle stays that no policy uses any more. */
  unusedBundleMs: number;
  /** After so long Controller policies are evaluated for everything again. */
  resyncMs: number;
  /** Whether the API server shall ask about the engine's own kinds. */
  keepOwnWebhooks: boolean;
  /** Whether policies get Events. */
  writeEvents: boolean;
  log: Logger;
  onWrite(verb: Verb, kind: string): void;
  onQueued(policy: string): void;
  /** The work cannot begin: another replica should lead. */
  onFailed(error: Error): void;
}

/**
 * The work of the one controller that leads. stop() ends it at once: from then on nothing is written. Throws, or tells
 * `onFailed` later, when it cannot begin.
 */
export function startLeading(parts: LeaderParts): Running {
  const leader = new Leader(parts);
  void leader.begin();
  return leader;
}

class Leader implements Running {
  readonly #parts: LeaderParts;
  readonly #leading = new AbortController();
  readonly #queue: WorkQueue;
  readonly #ownQueue: WorkQueue;
  readonly #mirrors: Mirrors;
  readonly #quarantines: Quarantines;
  readonly #inForce: InForce;
  readonly #records: Records;
  readonly #webhooks: Webhooks;
  readonly #own: OwnWebhooks;
  readonly #authorities: TrustedAuthorities;
  readonly #objects: ObjectFollowing;
  readonly #events: Pick<PolicyEvents, 'tell' | 'forget' | 'stop'>;
  readonly #reconciler: Reconciler;
  readonly #look: RepeatedLook;
  #connection: { stop(): void } | undefined;

  constructor(parts: LeaderParts) {
    const { cluster, bus, evaluators, target, compileTimeoutMs, unusedBundleMs, resyncMs, log, onWrite, onQueued } =
      parts;
    const { signal } = this.#leading;
    this.#parts = parts;
    this.#queue = new WorkQueue({
      parallel: PARALLEL,
      work: (name) => this.#reconciler.reconcile(name),
      onFailure: (policy, err, retryMs) => log.warn({ policy, err, retryMs }, 'reconcile failed, it is tried again'),
    });
    this.#ownQueue = new WorkQueue({
      parallel: 1,
      work: async () => void (await this.#own.ensure()),
      onFailure: (_name, err, retryMs) => log.warn({ err, retryMs }, 'own webhooks failed, they are tried again'),
    });
    const enqueue = (name: string) => {
      this.#queue.add(name);
      this.#inForce.changed(name);
    };
    this.#inForce = new InForce({ bus, evaluators, log, onChange: enqueue });
    this.#mirrors = mirrorAll(cluster, log, { onPolicy: enqueue, onOwnWebhooks: () => this.#lookAtOwnWebhooks() });
    this.#quarantines = new Quarantines({ bus, log, onChange: enqueue });
    this.#records = new Records({ bus, log, signal, unusedBundleMs });
    const writes = new Writes(cluster, { signal, onWrite });
    const where = () => {
      const { keepsAddress } = this.#authorities;
      return { ...target, caBundle: this.#authorities.caBundle(), keepsAddress };
    };
    this.#webhooks = new Webhooks(writes, where, this.#mirrors);
    this.#own = new OwnWebhooks(writes, where, this.#mirrors);
    this.#authorities = trustAuthorities(parts.certificate, {
      cluster,
      writes,
      log,
      target,
      trusted: () => this.#webhooks.trusted() + this.#own.trusted(),
      spread: () => this.#spread(),
      onChange: () => void this.#look.now(),
    });
    const following = { ownNamespace: target.namespace, resyncMs, onProblem: enqueue, onQueued };
    this.#objects = new ObjectFollowing({ cluster, bus, signal, log, ...following });
    this.#events = parts.writeEvents ? new PolicyEvents({ cluster, writes, log }) : NO_EVENTS;
    const source = new BundleSource(new CompilerClient(bus, { timeoutMs: compileTimeoutMs, signal }));
    const followers = {
      inForce: this.#inForce,
      quarantines: this.#quarantines,
      objects: this.#objects,
      events: this.#events,
    };
    const shared = { ...this.#mirrors, records: this.#records, ...followers };
    this.#reconciler = new Reconciler({ ...shared, writes, bus, log, webhooks: this.#webhooks, source });
    this.#look = new RepeatedLook(() => this.#lookAtAll(), log);
  }

  /** Never rejects. */
  async begin(): Promise<void> {
    try {
      await this.#begin();
    } catch (cause) {
      if (this.#leading.signal.aborted) return;
      this.#parts.onFailed(new Error('work of the leader did not begin', { cause }));
    }
  }

  /** Before everything that exists is known, a policy that is merely not told yet would look removed. */
  async #begin(): Promise<void> {
    const { bus } = this.#parts;
    await Promise.all([...this.#all().map(({ synced }) => synced), this.#quarantines.synced, this.#authorities.synced]);
    if (this.#leading.signal.aborted) return;
    // Webhooks need to know what to trust. A certificate that cannot be used keeps policies that are in force in force.
    await this.#authorities.start();
    this.#queue.start();
    this.#ownQueue.start();
    this.#connection = whenBusIsBack(bus, () => void this.#look.now());
    await this.#look.now();
  }

  async stop(): Promise<void> {
    this.#leading.abort(new Error('this controller leads no more'));
    this.#look.stop();
    this.#connection?.stop();
    this.#records.stop();
    this.#events.stop();
    const queues = [this.#queue, this.#ownQueue];
    const others = [this.#inForce, this.#authorities, this.#quarantines, this.#objects];
    await Promise.all([...this.#all(), ...queues, ...others].map((each) => each.stop()));
  }

  #all() {
    const { policies, bundles, validating, mutating } = this.#mirrors;
    return [policies, bundles, validating, mutating];
  }

  /** What is to be trusted, into all configurations. */
  async #spread(): Promise<number> {
    const ofPolicies = await this.#webhooks.reach();
    return ofPolicies + (this.#parts.keepOwnWebhooks ? await this.#own.ensure() : 0);
  }

  #lookAtOwnWebhooks(): void {
    if (this.#parts.keepOwnWebhooks) this.#ownQueue.add(OWN_WEBHOOKS);
  }

  /** A stream with one copy would be away with its server, and lost with its volume. */
  async #keepCopies(): Promise<void> {
    const { bus, log } = this.#parts;
    try {
      const streams = await bus.ensureCopies('others');
      if (streams.length > 0) log.info({ streams }, 'streams have more copies now');
    } catch (err) {
      log.warn({ err }, 'streams have too few copies, it is tried again');
    }
  }

  /** Policies that exist, and what is left of policies that do not. The bus may have lost what it held. */
  async #lookAtAll(): Promise<void> {
    const { policies, bundles } = this.#mirrors;
    this.#lookAtOwnWebhooks();
    await this.#parts.bus.ensureTopology();
    await this.#keepCopies();
    for (const { metadata } of [...policies.all(), ...bundles.all()]) this.#queue.add(metadata.name);
    for (const name of [...this.#webhooks.policies(), ...(await this.#records.names())])
      if (!policies.get(name)) this.#queue.add(name);
    await this.#objects.look();
    await this.#records.dropUnused();
  }
}
