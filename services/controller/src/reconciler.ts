import type { Bus, StoredPolicy } from '@jspolicy/bus';
import type { Bundle, BundleInfo, JsPolicy, JsPolicyBundle, PolicyRecord } from '@jspolicy/contracts';
import { bundleHash, policyRecord } from '@jspolicy/policy';
import type { Logger } from '@jspolicy/runtime';
import { bundleObject, hashOf } from './bundle-object.ts';
import type { BundleSource, Resolved } from './bundle-source.ts';
import type { InForce } from './in-force.ts';
import type { Mirror } from './mirror.ts';
import type { PolicyEvents } from './policy-events.ts';
import type { Quarantines } from './quarantines.ts';
import type { Records } from './records.ts';
import { BUNDLES, POLICIES, VIOLATIONS } from './resource-types.ts';
import { isSameStatus, type Problem, policyStatus, type StatusFacts } from './status.ts';
import { type Failed, failureOf } from './step.ts';
import type { Webhooks } from './webhooks.ts';
import type { ObjectFollowing } from './work/object-following.ts';
import type { Writes } from './writes.ts';

export interface ReconcilerParts {
  writes: Writes;
  bus: Bus;
  log: Logger;
  policies: Mirror<JsPolicy>;
  bundles: Mirror<JsPolicyBundle>;
  webhooks: Webhooks;
  source: BundleSource;
  records: Records;
  inForce: Pick<InForce, 'hold' | 'forget'>;
  quarantines: Pick<Quarantines, 'problemOf'>;
  objects: Pick<ObjectFollowing, 'follow' | 'forget'>;
  events: Pick<PolicyEvents, 'tell' | 'forget'>;
}

interface PutInForce {
  stored: StoredPolicy;
  problem: Problem | undefined;
}

/** The same may succeed later: thrown after the status says what is wrong, so that the queue tries again. */
class TryAgain extends Error {}

/** Brings the cluster and the data plane in step with one policy. */
export class Reconciler {
  readonly #parts: ReconcilerParts;

  constructor(parts: ReconcilerParts) {
    this.#parts = parts;
  }

  async reconcile(name: string): Promise<void> {
    const { policies, bundles, source } = this.#parts;
    const policy = policies.get(name);
    if (!policy || policy.metadata.deletionTimestamp) return this.#remove(name);
    const resolved = await source.resolve(policy, bundles.get(name));
    if (resolved.bundle) await this.#enforce(policy, resolved.bundle, resolved.fresh);
    else await this.#keep(policy, resolved);
  }

  /**
   * The bundle's object is no part of what decides, so it is written beside the rest. Only what every evaluator has in force is told as
   * Synced: from then on no request is judged by what was before.
   */
  async #enforce(policy: JsPolicy, bundle: Bundle, fresh: boolean): Promise<void> {
    const [stored, registered] = await Promise.allSettled([
      fresh ? this.#storeObject(policy, bundle) : undefined,
      this.#putInForce(policy, bundle),
    ]);
    const failure =
      failureOf('BundleCompiled', stored) ?? failureOf(inForceCondition(policy), registered) ?? problemOf(registered);
    if (failure && !failure.problem) throw failure.error;
    if (failure || registered.status === 'rejected') return this.#finish(policy, bundle, failure);
    const late = await this.#parts.inForce.hold(registered.value.stored, this.#outdated(policy));
    // It comes again.
    if (late !== 'later') await this.#finish(policy, bundle, undefined, late);
  }

  /** Whether something else than what was put in force shall be by now. */
  #outdated({ metadata: { name, uid, generation } }: JsPolicy): () => boolean {
    const { policies, bundles } = this.#parts;
    const script = bundles.get(name)?.spec.bundle;
    return () => {
      const { metadata } = policies.get(name) ?? {};
      const isOther = metadata?.uid !== uid || metadata?.generation !== generation;
      return isOther || metadata?.deletionTimestamp !== undefined || bundles.get(name)?.spec.bundle !== script;
    };
  }

  /** The bundle, the record that names it, the webhook or the objects: nothing is asked before it can be answered. */
  async #putInForce(policy: JsPolicy, bundle: Bundle): Promise<PutInForce> {
    const { bus, records, webhooks, log } = this.#parts;
    await bus.bundles.put(bundle);
    const record = policyRecord(policy, bundle);
    const { changed, ...stored } = await records.put(record);
    const problem = isController(policy) ? await this.#follow(record) : undefined;
    if (!isController(policy)) await webhooks.ensure(policy, bundle);
    const { digest, isolation, isolationReason } = bundle;
    if (changed) log.info({ policy: policy.metadata.name, digest, isolation, isolationReason }, 'policy enforced');
    return { stored, problem };
  }

  async #follow(record: PolicyRecord): Promise<Problem | undefined> {
    const message = await this.#parts.objects.follow(record);
    return message === undefined
      ? undefined
      : { condition: 'ControllerReady', reason: 'InitControllerPolicy', message };
  }

  /** What has no bundle changes the status and nothing else: the last good one goes on, as it was. */
  async #keep(policy: JsPolicy, { problem, undecodable, again }: Extract<Resolved, { problem: Problem }>) {
    const serving = await this.#keepInForce(policy, undecodable);
    await this.#finish(policy, serving, { problem, error: again ? new TryAgain(problem.message) : undefined });
  }

  async #keepInForce(policy: JsPolicy, undecodable: boolean): Promise<BundleInfo | undefined> {
    const { bus, bundles, records, source, webhooks } = this.#parts;
    const { name, uid = '' } = policy.metadata;
    const record = await records.get(name);
    const good = await source.lastGood(policy, bundles.get(name));
    if (good) await bus.bundles.put(good);
    const kept = record?.uid === uid ? record.bundle : undefined;
    const serving = kept ?? good;
    const standing = kept && record ? record : policyRecord(policy, good ?? (undecodable ? 'undecodable' : 'missing'));
    if (!kept) await records.put(standing);
    if (isController(policy)) await this.#follow(standing);
    else if (serving) await webhooks.keep(policy, serving);
    return serving;
  }

  async #finish(
    policy: JsPolicy,
    serving: BundleInfo | undefined,
    failed: Failed | undefined,
    late?: StatusFacts['heldBack'],
  ): Promise<void> {
    const problem = failed?.problem;
    const heldBack = this.#parts.quarantines.problemOf(policy.metadata.name) ?? late;
    await this.#writeStatus(policy, { ...facts(policy, serving, problem), ...(heldBack && { heldBack }) });
    if (failed?.error) throw failed.error;
  }

  async #storeObject(policy: JsPolicy, bundle: Bundle): Promise<void> {
    const { writes, bundles } = this.#parts;
    const desired = await bundleObject(policy, bundleHash(policy.spec), bundle);
    const { resourceVersion } = bundles.get(policy.metadata.name)?.metadata ?? {};
    const metadata = { ...desired.metadata, ...(resourceVersion && { resourceVersion }) };
    const written = resourceVersion
      ? await writes.update(BUNDLES, { ...desired, metadata })
      : await writes.create(BUNDLES, desired);
    bundles.remember(written, resourceVersion);
  }

  async #writeStatus(policy: JsPolicy, found: StatusFacts): Promise<void> {
    const { writes, policies, events, log } = this.#parts;
    const status = policyStatus(policy, found, new Date());
    if (isSameStatus(policy.status, status)) return;
    policies.remember(await writes.updateStatus(POLICIES, { ...policy, status }), policy.metadata.resourceVersion);
    events.tell(policy, status);
    const { phase, reason, message } = status;
    log.info({ policy: policy.metadata.name, phase, reason, message }, 'policy status');
  }

  /** The webhook goes first: nothing is asked that could not be answered. The record last: by it the rest is found. */
  async #remove(name: string): Promise<void> {
    const { writes, bundles, webhooks, records, source, objects, events, inForce, log } = this.#parts;
    source.forget(name);
    inForce.forget(name);
    events.forget(name);
    const hadWebhook = await webhooks.removeAll(name);
    const bundle = bundles.get(name);
    const hadBundle = bundle !== undefined && hashOf(bundle) !== undefined;
    if (hadBundle) {
      await writes.remove(BUNDLES, name);
      bundles.forget(name);
    }
    const record = await records.get(name);
    if (record?.type === 'Controller') await objects.forget(name);
    if (!hadWebhook && !hadBundle && !record) return;
    await writes.remove(VIOLATIONS, name);
    await records.remove(name);
    log.info({ policy: name }, 'policy removed');
  }
}

const isController = ({ spec }: JsPolicy): boolean => spec.type === 'Controller';

const inForceCondition = (policy: JsPolicy) => (isController(policy) ? 'ControllerReady' : 'WebhookReady');

/** Of a step that succeeded as far as it could. */
const problemOf = (step: PromiseSettledResult<PutInForce>): Failed | undefined =>
  step.status === 'fulfilled' && step.value.problem ? { problem: step.value.problem, error: undefined } : undefined;

function facts(policy: JsPolicy, serving: BundleInfo | undefined, problem: Problem | undefined): StatusFacts {
  return {
    ...(problem && { problem }),
    ...(policy.spec.javascript && { bundleHash: bundleHash(policy.spec) }),
    holds: serving ? ['BundleCompiled', inForceCondition(policy)] : [],
  };
}
