import type { JsPolicySpec } from '@jspolicy/contracts';
import type { ResourceType } from './port.ts';

export interface KnownTypes {
  types: readonly ResourceType[];
  /** Whether these are all that a cluster serves; else only what can hardly be anything but a mistake is told. */
  complete: boolean;
}

type Rule = Pick<JsPolicySpec, 'resources' | 'apiGroups' | 'apiVersions' | 'scope'>;

/** Served by every cluster, and in no listing of what can be listed: they are only created. */
const CREATED_ONLY = new Set([
  'bindings',
  'localsubjectaccessreviews',
  'selfsubjectaccessreviews',
  'selfsubjectreviews',
  'selfsubjectrulesreviews',
  'subjectaccessreviews',
  'tokenreviews',
]);

/**
 * Why parts of a policy's rule cover nothing that is known: a sentence each, none when all is well. Advice: a kind may be
 * installed later, so nothing is refused for it.
 */
export function ruleWarnings(rule: Rule, known: KnownTypes): string[] {
  const names = (rule.resources ?? []).map((pattern) => pattern.split('/')[0] ?? '');
  return [...new Set(names)].flatMap((name) => {
    const warning = name === '*' ? unknownGroups(rule, known) : unknownResource(name, rule, known);
    return warning === undefined ? [] : [warning];
  });
}

function unknownResource(name: string, rule: Rule, known: KnownTypes): string | undefined {
  const named = known.types.filter(({ resource }) => resource === name);
  if (named.length > 0) return otherwiseServed(name, named, rule, known);
  if (CREATED_ONLY.has(name)) return undefined;
  const word = name.toLowerCase();
  const meant = known.types.find(({ resource, kind }) => resource === word || kind.toLowerCase() === word)?.resource;
  if (meant !== undefined) return `spec.resources: ${name} covers nothing, the resource is named ${meant}`;
  return known.complete ? `spec.resources: the cluster has no resource ${name}` : undefined;
}

/** The resource is there: in one of the groups and versions, and in the scope? */
function otherwiseServed(name: string, named: ResourceType[], rule: Rule, known: KnownTypes): string | undefined {
  const { apiGroups = ['*'], apiVersions = ['*'], scope = '*' } = rule;
  const inGroup = named.filter(({ group }) => has(apiGroups, group));
  if (inGroup.length === 0) {
    if (apiGroups.some((group) => mayBeElsewhere(group, known))) return undefined;
    return `spec.apiGroups (${apiGroups.map(quoted).join(', ')}) covers no ${name}, which are in ${groupsOf(named)}`;
  }
  const inVersion = inGroup.filter(({ version }) => has(apiVersions, version));
  if (known.complete && inVersion.length === 0) {
    const versions = [...new Set(inGroup.map(({ version }) => version))].join(', ');
    return `spec.apiVersions (${apiVersions.join(', ')}) covers no ${name}, whose versions are ${versions}`;
  }
  const isScope = ({ namespaced }: ResourceType) => scope === '*' || (scope === 'Namespaced') === namespaced;
  if (inGroup.some(isScope)) return undefined;
  return `spec.scope (${scope}) covers no ${name}, which are in ${scope === 'Cluster' ? 'namespaces' : 'no namespace'}`;
}

function unknownGroups({ apiGroups = ['*'] }: Rule, known: KnownTypes): string | undefined {
  const isServed = (group: string) => group === '*' || known.types.some((type) => type.group === group);
  if (apiGroups.some((group) => isServed(group) || mayBeElsewhere(group, known))) return undefined;
  return `spec.apiGroups (${apiGroups.map(quoted).join(', ')}) covers nothing, there is no such group`;
}

/** The groups of custom resources have a dot. */
const mayBeElsewhere = (group: string, { types, complete }: KnownTypes): boolean =>
  !complete && /^[^/]+\.[^/]+$/.test(group) && !types.some((type) => type.group === group);

const has = (list: string[], word: string): boolean => list.includes('*') || list.includes(word);
const quoted = (group: string): string => group || '""';
const groupsOf = (types: ResourceType[]): string =>
  [...new Set(types.map(({ group }) => group || '"", the core group'))].join(' and in ');
