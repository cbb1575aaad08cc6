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
  if (!has(operations, request.operation)) return `operations has no ${request.operation}`;
  if (!has(apiGroups, group)) return `apiGroups has no ${JSON.stringify(group)}`;
  if (!has(apiVersions, version)) return `apiVersions has no ${version}`;
  const wanted = request.subResource ? `${resource}/${request.subResource}` : resource;
  if (!resources.some((pattern) => coversResource(pattern, resource, request.subResource)))
    return `resources has no ${wanted}`;
  const isNamespaced = Boolean(request.namespace) && !(group === '' && resource === 'namespaces');
  if (scope !== '*' && (scope === 'Namespaced') !== isNamespaced) return `scope is ${scope}`;
  return selectorMismatch(spec, request, namespaceLabels);
}

const has = (list: string[], word: string): boolean => list.includes('*') || list.includes(word);

// `pods`, `pods/log`, `pods/*`, `*` (no subresources), `*/scale` and `*/*`.
function coversResource(pattern: string, resource: string, subResource: string | undefined): boolean {
  const [wantedResource, wantedSub] = pattern.split('/');
  if (wantedResource !== '*' && wantedResource !== resource) return false;
  if (wantedSub === undefined) return !subResource;
  return wantedSub === '*' || wantedSub === subResource;
}

function selectorMismatch(spec: JsPolicySpec, request: AdmissionRequest, namespaceLabels: Labels): string | undefined {
  // A Namespace is matched by its own labels.
  const own = labelsOf(request.object) ?? labelsOf(request.oldObject) ?? {};
  const ofNamespace = request.kind.kind === 'Namespace' && request.kind.group === '' ? own : namespaceLabels;
  if (request.namespace && !selects(spec.namespaceSelector, ofNamespace)) return 'namespaceSelector does not match';
  const candidates = [labelsOf(request.object), labelsOf(request.oldObject)].filter((labels) => labels !== undefined);
  const covered =
    candidates.length === 0
      ? selects(spec.objectSelector, {})
      : candidates.some((each) => selects(spec.objectSelector, each));
  return covered ? undefined : 'objectSelector does not match';
}

const selects = (selector: LabelSelector | undefined, labels: Labels): boolean =>
  matchesLabels(requirementsOf(selector), labels);

function labelsOf(object: unknown): Labels | undefined {
  if (typeof object !== 'object' || object === null) return undefined;
  return (object as Partial<KubeObject>).metadata?.labels ?? {};
}
