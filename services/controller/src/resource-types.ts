import type { ResourceType } from '@jspolicy/kube';

const ours = (kind: string, resource: string): ResourceType => ({
  group: 'policy.jspolicy.com',
  version: 'v1beta1',
  kind,
  resource,
  namespaced: false,
});
const webhooks = (kind: string, resource: string): ResourceType => ({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind,
  resource,
  namespaced: false,
});

export const POLICIES = ours('JsPolicy', 'jspolicies');
export const BUNDLES = ours('JsPolicyBundle', 'jspolicybundles');
export const VIOLATIONS = ours('JsPolicyViolations', 'jspolicyviolations');
export const VALIDATING = webhooks('ValidatingWebhookConfiguration', 'validatingwebhookconfigurations');
export const MUTATING = webhooks('MutatingWebhookConfiguration', 'mutatingwebhookconfigurations');
export const SECRETS: ResourceType = {
  group: '',
  version: 'v1',
  kind: 'Secret',
  resource: 'secrets',
  namespaced: true,
};
export const LEASES: ResourceType = {
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  resource: 'leases',
  namespaced: true,
};
export const EVENTS: ResourceType = { group: '', version: 'v1', kind: 'Event', resource: 'events', namespaced: true };
