import type { Bus } from '@jspolicy/bus';
import type { Bundle, BundleInfo, JsPolicy, JsPolicyBundle } from '@jspolicy/contracts';
import { type Cluster, KubeError } from '@jspolicy/kube';
import { bundleHash, policyRecord } from '@jspolicy/policy';
import type { Logger } from '@jspolicy/runtime';
import { bundleObject, hashOf } from './bundle-object.ts';
import type { BundleSource, Resolved } from './bundle-source.ts';
import type { Mirror } from './mirror.ts';
import type { Records } from './records.ts';
import { BUNDLES, POLICIES, VIOLATIONS } from './resource-types.ts';
import { isSameStatus, type Problem, policyStatus, type StatusFacts } from './status.ts';
import type { Webhooks } from './webhooks.ts';

export interface ReconcilerParts {
  cluster: Cluster;
  bus: Bus;
  log: Logger;
  policies: Mirror<JsPolicy>;
  bundles: Mirror<JsPolicyBundle>;
  webhooks: Webhooks;
  source: BundleSource;
  records: Records;
}

const NOT_YET: Problem = {
  condition: 'ControllerReady',
  reason: 'InitControllerPolicy',
  message: 'policies of type Controller are not served by this version',
};

/** The same may succeed later: thrown after the status says what is wrong, so that the queue tries again. */
class TryAgain extends Error {}

/** Brings the cluster and the data plane in step with one policy. */
export class Reconciler {
  readonly #parts: ReconcilerParts;

  constructor(parts: ReconcilerParts) {
    this.#parts = parts;
  }

  async reconcile(name: string): Promise<void> {
    const policy = this.#parts.policies.get(name);
    if (policy && !policy.metadata.deletionTimestamp) await this.#serve(policy);
    else await this.#remove(name);
  }

  async #serve(policy: JsPolicy): Promise<void> {
    const { bundles, source } = this.#parts;
    const { name } = policy.metadata;
    const resolved = await source.resolve(policy, bundles.get(name));
    const serving = resolved.bundle ?? (await source.lastGood(bundles.get(name), name));
    const object = resolved.bundle && resolved.fresh ? this.#writeBundle(policy, resolved.bundle) : undefined;
    await this.#publish(policy, serving, resolved);
    const problem = await this.#register(policy, serving, resolved.problem);
    await object;
    await this.#writeStatus(policy, { ...facts(policy, serving, problem) });
    if (!resolved.bundle && resolved.again) throw new TryAgain(resolved.problem.message);
  }

  /** The bundle first, then the record that names it: an evaluator never reads of a bundle that is not there. */
  async #publish(policy: JsPolicy, serving: Bundle | undefined, resolved: Resolved): Promise<void> {
    const { bus, records } = this.#parts;
    if (serving) await bus.bundles.put(serving);
    const none = resolved.problem && resolved.undecodable ? 'undecodable' : 'missing';
    await records.put(policyRecord(policy, serving ?? none));
  }

  /** Registers the webhook when there is something to serve; gives the problem that the status should tell. */
  async #register(
    policy: JsPolicy,
    serving: BundleInfo | undefined,
    known: Problem | undefined,
  ): Promise<Problem | undefined> {
    if (policy.spec.type === 'Controller') return known ?? NOT_YET;
    if (!serving) return known;
    try {
      await this.#parts.webhooks.ensure(policy);
      return known;
    } catch (error) {
      if (error instanceof KubeError && error.reason === 'Conflict') throw error;
      const message = error instanceof Error ? error.message : String(error);
      const problem: Problem = { condition: 'WebhookReady', reason: 'SyncFailed', message };
      await this.#writeStatus(policy, facts(policy, serving, problem));
      throw error;
    }
  }

  async #writeBundle(policy: JsPolicy, bundle: Bundle): Promise<void> {
    const { cluster, bundles } = this.#parts;
    const desired = await bundleObject(policy, bundleHash(policy.spec), bundle);
    const existing = bundles.get(policy.metadata.name);
    const { resourceVersion } = existing?.metadata ?? {};
    const written = existing
      ? await cluster.update(BUNDLES, {
          ...desired,
          metadata: { ...desired.metadata, ...(resourceVersion && { resourceVersion }) },
        })
      : await cluster.create(BUNDLES, desired);
    bundles.remember(written);
  }

  async #writeStatus(policy: JsPolicy, found: StatusFacts): Promise<void> {
    const { cluster, policies, log } = this.#parts;
    const status = policyStatus(policy, found, new Date());
    if (isSameStatus(policy.status, status)) return;
    policies.remember(await cluster.updateStatus(POLICIES, { ...policy, status }));
    const { phase, reason, message } = status;
    log.info({ policy: policy.metadata.name, phase, reason, message }, 'policy status');
  }

  /** The webhook goes first: nothing is asked that could not be answered. */
  async #remove(name: string): Promise<void> {
    const { cluster, bundles, webhooks, records, source, log } = this.#parts;
    await webhooks.removeAll(name);
    await records.remove(name);
    const bundle = bundles.get(name);
    if (bundle && hashOf(bundle) !== undefined) {
      await cluster.remove(BUNDLES, name);
      bundles.forget(name);
    }
    await cluster.remove(VIOLATIONS, name);
    source.forget(name);
    log.info({ policy: name }, 'policy removed');
  }
}

function facts(policy: JsPolicy, serving: BundleInfo | undefined, problem: Problem | undefined): StatusFacts {
  const controller = policy.spec.type === 'Controller';
  return {
    ...(problem && { problem }),
    ...(policy.spec.javascript && { bundleHash: bundleHash(policy.spec) }),
    holds: serving ? ['BundleCompiled', ...(controller ? [] : (['WebhookReady'] as const))] : [],
  };
}
