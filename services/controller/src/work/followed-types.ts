import { API_GROUP, type ObjectMatch } from '@jspolicy/contracts';
import type { ResourceType } from '@jspolicy/kube';

/**
 * The types that a policy follows, one version for each group and kind: the first that the policy names, in the group's
 * order of preference. Kinds of our own are never followed: what the engine writes for a policy must not have it
 * evaluated again. Subresources have no objects of their own.
 */
export function followedTypes(match: ObjectMatch, served: readonly ResourceType[]): ResourceType[] {
  const chosen = new Map<string, ResourceType>();
  for (const type of served) {
    const key = `${type.group}/${type.resource}`;
    if (!chosen.has(key) && type.group !== API_GROUP && covers(match, type)) chosen.set(key, type);
  }
  return [...chosen.values()];
}

function covers({ resources, apiGroups, apiVersions, scope }: ObjectMatch, type: ResourceType): boolean {
  const isScope = scope === '*' || (scope === 'Namespaced') === type.namespaced;
  return resources.includes(type.resource) && has(apiGroups, type.group) && has(apiVersions, type.version) && isScope;
}

const has = (list: string[], word: string): boolean => list.includes('*') || list.includes(word);
