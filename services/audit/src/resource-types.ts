import { API_GROUP } from '@jspolicy/contracts';
import type { ResourceType } from '@jspolicy/kube';

const kind = (name: string, resource: string): ResourceType => ({
  group: API_GROUP,
  version: 'v1beta1',
  kind: name,
  resource,
  namespaced: false,
});
export const POLICIES = kind('JsPolicy', 'jspolicies');
export const VIOLATIONS = kind('JsPolicyViolations', 'jspolicyviolations');
