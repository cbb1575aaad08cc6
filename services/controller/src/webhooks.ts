import type { JsPolicy, KubeObject } from '@jspolicy/contracts';
import type { ResourceType } from '@jspolicy/kube';
import { CertificateError } from './certificate/trusted-authorities.ts';
import type { Mirror } from './mirror.ts';
import { MUTATING, VALIDATING } from './resource-types.ts';
import {
  type Calls,
  entriesOf,
  isSame,
  keepingWhatStays,
  newWebhookName,
  policyOfWebhook,
  trustedBy,
  type WebhookTarget,
  webhookConfiguration,
  withClientConfig,
} from './webhook-configuration.ts';
import type { Writes } from './writes.ts';

const NOT_FOR_IT_YET =
  'the serving certificate is not for where the API server is to call by now; a new one is on its way, then this is tried again';

interface Found {
  type: ResourceType;
  object: KubeObject;
}

/** Keeps one webhook configuration per policy; nothing is written when nothing differs. */
export class Webhooks {
  readonly #writes: Writes;
  readonly #target: () => WebhookTarget;
  readonly #mirrors: { type: ResourceType; mirror: Mirror<KubeObject> }[];

  constructor(
    writes: Writes,
    target: () => WebhookTarget,
    mirrors: { validating: Mirror<KubeObject>; mutating: Mirror<KubeObject> },
  ) {
    this.#writes = writes;
    this.#target = target;
    this.#mirrors = [
      { type: VALIDATING, mirror: mirrors.validating },
      { type: MUTATING, mirror: mirrors.mutating },
    ];
  }

  /** Creates or mends the policy's configuration, and removes others of it. */
  async ensure(policy: JsPolicy, calls: Calls): Promise<void> {
    const type = policy.spec.type === 'Mutating' ? MUTATING : VALIDATING;
    const found = this.#of(policy.metadata.name);
    const [kept, ...surplus] = [
      ...found.filter((each) => each.type === type),
      ...found.filter((each) => each.type !== type),
    ];
    if (kept && kept.type === type) await this.#mend(policy, calls, kept);
    else await this.#create(policy, calls, type);
    // After the right one exists: a request never finds none.
    for (const each of kept?.type === type ? surplus : found) await this.#remove(each);
  }

  /**
   * Leaves the rules of a policy as they were when it last compiled: only where the gateway is reached is kept up to
   * date. One that somebody removed or emptied is made from the policy as it is.
   */
  async keep(policy: JsPolicy, calls: Calls): Promise<void> {
    const found = this.#of(policy.metadata.name).filter(({ object }) => entriesOf(object).length > 0);
    if (found.length === 0) return this.ensure(policy, calls);
    for (const each of found) {
      const desired = withClientConfig(each.object, policy.metadata.name, this.#target());
      if (!isSame(each.object, desired)) await this.#update(each, desired);
    }
  }

  /** Has every configuration call the gateway where it is now, whatever else is wrong with it; how many were written. */
  async reach(): Promise<number> {
    let written = 0;
    for (const { type, mirror } of this.#mirrors) {
      for (const object of mirror.all()) {
        const policy = policyOfWebhook(object);
        if (policy === undefined) continue;
        const desired = withClientConfig(object, policy, this.#target());
        if (isSame(object, desired)) continue;
        await this.#update({ type, object }, desired);
        written += 1;
      }
    }
    return written;
  }

  /** The authorities that the configurations trust, PEM. */
  trusted(): string {
    const ours = this.#mirrors.flatMap(({ mirror }) => mirror.all()).filter((object) => policyOfWebhook(object));
    return ours.map(trustedBy).join('\n');
  }

  /** Whether there was any. */
  async removeAll(policy: string): Promise<boolean> {
    const found = this.#of(policy);
    for (const each of found) await this.#remove(each);
    return found.length > 0;
  }

  /** Policies that have a configuration. */
  policies(): string[] {
    const names = this.#mirrors.flatMap(({ mirror }) => mirror.all().map(policyOfWebhook));
    return [...new Set(names.filter((name) => name !== undefined))];
  }

  #of(policy: string): Found[] {
    return this.#mirrors.flatMap(({ type, mirror }) =>
      mirror
        .all()
        .filter((object) => policyOfWebhook(object) === policy)
        .map((object) => ({ type, object })),
    );
  }

  async #mend(policy: JsPolicy, calls: Calls, found: Found): Promise<void> {
    const target = this.#target();
    const wanted = webhookConfiguration(policy, calls, target, found.object.metadata.name);
    const desired = keepingWhatStays(found.object, wanted, target);
    if (!isSame(found.object, desired)) await this.#update(found, desired);
  }

  async #update({ type, object }: Found, desired: KubeObject): Promise<void> {
    const { resourceVersion } = object.metadata;
    const metadata = { ...desired.metadata, ...(resourceVersion && { resourceVersion }) };
    const written = await this.#writes.update(type, { ...desired, metadata });
    this.#mirror(type)?.remember(written, resourceVersion);
  }

  async #create(policy: JsPolicy, calls: Calls, type: ResourceType): Promise<void> {
    const target = this.#target();
    if (target.keepsAddress) throw new CertificateError(NOT_FOR_IT_YET);
    const desired = webhookConfiguration(policy, calls, target, newWebhookName(policy.metadata.name));
    this.#mirror(type)?.remember(await this.#writes.create(type, desired), undefined);
  }

  async #remove({ type, object }: Found): Promise<void> {
    await this.#writes.remove(type, object.metadata.name);
    this.#mirror(type)?.forget(object.metadata.name);
  }

  #mirror(type: ResourceType): Mirror<KubeObject> | undefined {
    return this.#mirrors.find((each) => each.type === type)?.mirror;
  }
}
