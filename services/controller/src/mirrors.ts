import type { JsPolicy, JsPolicyBundle, KubeObject } from '@jspolicy/contracts';
import type { Cluster, ResourceType } from '@jspolicy/kube';
import type { Logger } from '@jspolicy/runtime';
import { Mirror } from './mirror.ts';
import { OWN_WEBHOOKS } from './own-webhooks.ts';
import { BUNDLES, MUTATING, POLICIES, VALIDATING } from './resource-types.ts';
import { policyOfWebhook } from './webhook-configuration.ts';

export interface Mirrors {
  policies: Mirror<JsPolicy>;
  bundles: Mirror<JsPolicyBundle>;
  validating: Mirror<KubeObject>;
  mutating: Mirror<KubeObject>;
}

export interface MirrorEvents {
  /** Something that the policy is made of changed. */
  onPolicy(policy: string): void;
  /** The webhook configurations of the engine's own kinds changed. */
  onOwnWebhooks(): void;
}

/** Everything in the cluster that a policy is made of; an event tells whose it is. */
export function mirrorAll(cluster: Cluster, log: Logger, { onPolicy, onOwnWebhooks }: MirrorEvents): Mirrors {
  const ours = <T extends JsPolicy | JsPolicyBundle>(type: ResourceType) =>
    new Mirror<T>(cluster, type, { log, onEvent: ({ metadata }) => onPolicy(metadata.name) });
  const owned = (type: ResourceType) =>
    new Mirror(cluster, type, {
      log,
      onEvent: (object, before) => {
        if (object.metadata.name === OWN_WEBHOOKS) return onOwnWebhooks();
        // An edit may have taken away what told whose it is.
        const owners = [object, before].map((each) => each && policyOfWebhook(each));
        for (const policy of new Set(owners)) if (policy !== undefined) onPolicy(policy);
      },
    });
  return {
    policies: ours<JsPolicy>(POLICIES),
    bundles: ours<JsPolicyBundle>(BUNDLES),
    validating: owned(VALIDATING),
    mutating: owned(MUTATING),
  };
}
