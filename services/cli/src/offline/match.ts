import type { AdmissionRequest, JsPolicySpec, KubeObject, LabelSelector } from '@jspolicy/contracts';
import { matchesLabels, requirementsOf } from '@jspolicy/kube';

type Labels = Record<string, string>;

/**
 * Why a policy's rule does not cover a request; undefined when it does. As the API server decides it, but for
 * matchPolicy Equivalent: other versions of the same kind are not known here.
 */
export function whyNotMatched(
  spec: JsPolicySpec,
  request: AdmissionRequest,
  namespaceLabels: Labels,
): string | undefined {
  const { group, version, resource } = request.resource;
  const { operations, resources, apiGroups = ['*'], apiVersions = ['*'], scope = '*' } = spec;
  if (!has(operations, request.operation)) return lacks('operations', operations, request.operation);
  if (!has(apiGroups, group)) return lacks('apiGroups', apiGroups, group === '' ? '"", the core group' : group);
  if (!has(apiVersions, version)) return lacks('apiVersions', apiVersions, version);
  const wanted = request.subResource ? `${resource}/${request.subResource}` : resource;
  if (!resources.some((pattern) => coversResource(pattern, resource, request.subResource)))
    return lacks('resources', resources, wanted);
  const isNamespaced = Boolean(request.namespace) && !(group === '' && resource === 'namespaces');
  if (scope !== '*' && (scope === 'Namespaced') !== isNamespaced)
    return `spec.scope is ${scope}, and ${resource} here ${isNamespaced ? `are in namespace ${request.namespace}` : 'are in no namespace'}`;
  return selectorMismatch(spec, request, namespaceLabels);
}

const lacks = (field: string, list: string[], wanted: string): string =>
  `spec.${field} (${list.map((word) => word || '""').join(', ')}) does not cover ${wanted}`;

const has = (list: string[], word: string): boolean => list.includes('*') || list.includes(word);

// `pods`, `pods/log`, `pods/*`, `*` (no subresources), `*/scale` and `*/*`.
function coversResource(pattern: string, resource: string, subResource: string | undefined): boolean {
  const slash = pattern.indexOf('/');
  const wantedResource = slash < 0 ? pattern : pattern.slice(0, slash);
  const wantedSub = slash < 0 ? '' : pattern.slice(slash + 1);
  if (wantedResource !== '*' && wantedResource !== resource) return false;
  return wantedSub === '*' || wantedSub === (subResource ?? '');
}

function selectorMismatch(spec: JsPolicySpec, request: AdmissionRequest, namespaceLabels: Labels): string | undefined {
  // A Namespace is matched by its own labels.
  const own = labelsOf(request.object) ?? labelsOf(request.oldObject) ?? {};
  const isNamespace = request.kind.kind === 'Namespace' && request.kind.group === '';
  const ofNamespace = isNamespace ? own : namespaceLabels;
  if ((request.namespace || isNamespace) && !selects(spec.namespaceSelector, ofNamespace))
    return `spec.namespaceSelector does not match namespace ${request.namespace ?? ''} (${labelText(ofNamespace)})`;
  const candidates = [labelsOf(request.object), labelsOf(request.oldObject)].filter((labels) => labels !== undefined);
  const requirements = requirementsOf(spec.objectSelector);
  return requirements.length === 0 || candidates.some((each) => matchesLabels(requirements, each))
    ? undefined
    : `spec.objectSelector does not match the object (${candidates.map(labelText).join('; before: ') || labelText({})})`;
}

const labelText = (labels: Labels): string =>
  Object.keys(labels).length === 0
    ? 'no labels'
    : `labels ${Object.entries(labels)
        .map(([key, value]) => `${key}=${value}`)
        .join(', ')}`;

const selects = (selector: LabelSelector | undefined, labels: Labels): boolean =>
  matchesLabels(requirementsOf(selector), labels);

/** Undefined for what has no metadata, as the options of CONNECT: no selector but the empty one matches it. */
function labelsOf(object: unknown): Labels | undefined {
  if (typeof object !== 'object' || object === null) return undefined;
  const { metadata } = object as Partial<KubeObject>;
  return metadata && (metadata.labels ?? {});
}
