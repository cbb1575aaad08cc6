import type { JsPolicy, JsPolicyBundle, KubeObject } from '@jspolicy/contracts';
import type { Cluster, ResourceType } from '@jspolicy/kube';
import type { Logger } from '@jspolicy/runtime';
import { Mirror } from './mirror.ts';
import { BUNDLES, MUTATING, POLICIES, VALIDATING } from './resource-types.ts';
import { policyOfWebhook } from './webhook-configuration.ts';

export interface Mirrors {
  policies: Mirror<JsPolicy>;
  bundles: Mirror<JsPolicyBundle>;
  validating: Mirror<KubeObject>;
  mutating: Mirror<KubeObject>;
}

/** Everything in the cluster that a policy is made of; an event tells whose it is. */
export function mirrorAll(cluster: Cluster, log: Logger, onEvent: (policy: string) => void): Mirrors {
  const ours = <T extends JsPolicy | JsPolicyBundle>(type: ResourceType) =>
    new Mirror<T>(cluster, type, { log, onEvent: ({ metadata }) => onEvent(metadata.name) });
  const owned = (type: ResourceType) =>
    new Mirror(cluster, type, {
      log,
      onEvent: (object) => {
        const policy = policyOfWebhook(object);
        if (policy !== undefined) onEvent(policy);
      },
    });
  return {
    policies: ours<JsPolicy>(POLICIES),
    bundles: ours<JsPolicyBundle>(BUNDLES),
    validating: owned(VALIDATING),
    mutating: owned(MUTATING),
  };
}
