import type { AdmissionRequest, JsPolicySpec, LabelSelector } from '@jspolicy/contracts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { whyNotMatched } from './match.ts';

type Labels = Record<string, string>;
type Selector = LabelSelector | undefined;

/** The rules of the Kubernetes documentation ("Dynamic Admission Control: matching requests"), sentence by sentence. */
function covers(spec: JsPolicySpec, request: AdmissionRequest, labelsOfNamespace: Labels): boolean {
  const { group, version, resource } = request.resource;
  const isNamespaceObject = group === '' && resource === 'namespaces';
  const inNamespace = Boolean(request.namespace) && !isNamespaceObject;
  const listed = (list: string[] | undefined, word: string) =>
    !list || list.some((each) => each === '*' || each === word);
  const resourceListed = spec.resources.some((pattern) => {
    const slash = pattern.indexOf('/');
    const [name, sub] = slash < 0 ? [pattern, ''] : [pattern.slice(0, slash), pattern.slice(slash + 1)];
    return (name === '*' || name === resource) && (sub === '*' || sub === (request.subResource ?? ''));
  });
  const inScope = { Cluster: !inNamespace, Namespaced: inNamespace }[spec.scope ?? ''] ?? true;
  const isNamespaceWrite = isNamespaceObject && ['CREATE', 'UPDATE'].includes(request.operation);
  const namespaceLabels = isNamespaceWrite ? (labels(request.object) ?? {}) : labelsOfNamespace;
  const namespaceSelected =
    (!request.namespace && !isNamespaceObject) || selects(spec.namespaceSelector, namespaceLabels);
  const objects = [request.object, request.oldObject].map(labels).filter((each) => each !== undefined);
  const objectSelected = isEmpty(spec.objectSelector) || objects.some((each) => selects(spec.objectSelector, each));
  return (
    listed(spec.operations, request.operation) &&
    listed(spec.apiGroups, group) &&
    listed(spec.apiVersions, version) &&
    resourceListed &&
    inScope &&
    namespaceSelected &&
    objectSelected
  );
}

const isEmpty = (selector: Selector) =>
  Object.keys(selector?.matchLabels ?? {}).length === 0 && (selector?.matchExpressions ?? []).length === 0;

function selects(selector: Selector, of: Labels): boolean {
  const equal = Object.entries(selector?.matchLabels ?? {}).every(([key, value]) => of[key] === value);
  return (
    equal &&
    (selector?.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
      const value = of[key];
      if (operator === 'Exists') return value !== undefined;
      if (operator === 'DoesNotExist') return value === undefined;
      if (operator === 'In') return value !== undefined && values.includes(value);
      return value === undefined || !values.includes(value);
    })
  );
}

/** What has no metadata, as the options of CONNECT, has no labels that could be selected, not even their absence. */
function labels(object: unknown): Labels | undefined {
  const { metadata } = (object ?? {}) as { metadata?: { labels?: Labels } };
  return metadata && (metadata.labels ?? {});
}

const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const listOf = (...words: string[]) => fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 3 });
const key = fc.constantFrom('app', 'stage');
const value = fc.constantFrom('', 'a', 'b');
const labelsOf = fc.dictionary(key, value, { maxKeys: 2 });
const expression = fc.oneof(
  fc.record({ key, operator: fc.constantFrom('Exists', 'DoesNotExist') }),
  fc.record({ key, operator: fc.constantFrom('In', 'NotIn'), values: fc.array(value, { minLength: 1, maxLength: 2 }) }),
);
const selector = maybe(
  fc.record({ matchLabels: labelsOf, matchExpressions: fc.array(expression, { maxLength: 2 }) }, { requiredKeys: [] }),
);
const object = fc.oneof(
  fc.constant(null),
  fc.constant({ kind: 'PodExecOptions' }),
  fc.record({ metadata: fc.record({ labels: labelsOf }, { requiredKeys: [] }) }),
);
const named = (resource: string, of: object | null): object | null =>
  resource !== 'namespaces' || (of && 'metadata' in of) ? of : { metadata: {} };
const specs = fc.record(
  {
    operations: listOf('CREATE', 'UPDATE', 'DELETE', 'CONNECT', '*'),
    resources: listOf('pods', 'pods/log', 'pods/*', '*', '*/*', '*/log', 'namespaces', 'nodes', 'pods/proxy/a'),
    apiGroups: listOf('', 'apps', '*'),
    apiVersions: listOf('v1', 'v2', '*'),
    scope: fc.constantFrom('Cluster', 'Namespaced', '*'),
    namespaceSelector: selector,
    objectSelector: selector,
  },
  { requiredKeys: ['operations', 'resources'] },
);
const requests = fc
  .record({
    group: fc.constantFrom('', 'apps'),
    version: fc.constantFrom('v1', 'v2'),
    resource: fc.constantFrom('pods', 'pods', 'namespaces', 'nodes'),
    subResource: maybe(fc.constantFrom('log', 'proxy')),
    namespace: maybe(fc.constant('shop')),
    operation: fc.constantFrom('CREATE', 'UPDATE', 'DELETE', 'CONNECT'),
    object,
    oldObject: object,
  })
  // Only the operations of a Namespace itself, where its labels are those of the object.
  .filter(
    ({ resource, subResource, operation }) => resource !== 'namespaces' || (!subResource && operation !== 'CONNECT'),
  )
  .map(({ group, version, resource, subResource, namespace, operation, object, oldObject }) => ({
    uid: 'u',
    kind: { group, version, kind: resource === 'namespaces' ? 'Namespace' : 'Thing' },
    resource: { group, version, resource },
    ...(subResource && { subResource }),
    ...(namespace && { namespace }),
    operation,
    userInfo: {},
    // As the API server sends them: what is not there before or after is null, and a Namespace has metadata.
    object: operation === 'DELETE' ? null : named(resource, object),
    oldObject: operation === 'UPDATE' || operation === 'DELETE' ? named(resource, oldObject) : null,
    options: null,
  }));

test('a policy covers a request exactly where the documented rules say so', () => {
  const seen = { covered: 0, not: 0 };
  const property = fc.property(specs, requests, labelsOf, (spec, request, ofNamespace) => {
    // A Namespace that is deleted is known by what it was.
    const isDeletedNamespace = request.kind.kind === 'Namespace' && request.operation === 'DELETE';
    const known = isDeletedNamespace ? (labels(request.oldObject) ?? {}) : ofNamespace;
    const covered = covers(spec as JsPolicySpec, request, known);
    seen[covered ? 'covered' : 'not']++;
    expect(whyNotMatched(spec as JsPolicySpec, request, known) === undefined).toBe(covered);
  });
  fc.assert(property, { numRuns: 20_000 });
  expect(Math.min(seen.covered, seen.not)).toBeGreaterThan(300);
});
