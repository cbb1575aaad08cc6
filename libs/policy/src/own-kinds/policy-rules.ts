import { type FieldError, invalid, invalidList, required, unsupported } from './field-errors.ts';
import { selectorErrors, subdomainProblems } from './label-rules.ts';
import { resourceErrors } from './resource-rules.ts';
import type { DecodedPolicy } from './shapes.ts';

type Spec = NonNullable<DecodedPolicy['spec']>;

const OPERATIONS = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];
const CONTROLLER_OPERATIONS = ['*', 'CREATE', 'DELETE'];
const FEWEST_NAME_PARTS = 3;

/** What is wrong with a JsPolicy, in the order in which its users know it. `old` is what an update replaces. */
export function policyErrors(policy: DecodedPolicy, old?: DecodedPolicy): FieldError[] {
  const spec = policy.spec ?? {};
  return [
    ...nameErrors(policy.metadata?.name ?? ''),
    ...operationErrors(spec, 'spec.rules.operations'),
    ...loneStar('spec.rules.apiGroups', '[]string', spec.apiGroups, 'API groups'),
    ...loneStar('spec.rules.apiVersions', '[]string', spec.apiVersions, 'API versions'),
    ...(spec.apiVersions ?? []).flatMap((version, index) =>
      version ? [] : [required(`spec.rules.apiVersions[${index}]`)],
    ),
    ...resourceErrors(texts(spec.resources), 'spec.rules.resources'),
    ...oneOf('spec.rules.scope', spec.scope, ['*', 'Cluster', 'Namespaced']),
    ...(old ? typeErrors(spec.type ?? '', old.spec?.type ?? '') : []),
    ...oneOf('spec.failurePolicy', spec.failurePolicy, ['Fail', 'Ignore']),
    ...oneOf('spec.reinvocationPolicy', spec.reinvocationPolicy, ['IfNeeded', 'Never']),
    ...oneOf('spec.matchPolicy', spec.matchPolicy, ['Equivalent', 'Exact']),
    ...oneOf('spec.type', spec.type, ['', 'Controller', 'Mutating', 'Validating']),
    ...within('spec.timeoutSeconds', spec.timeoutSeconds, 30, 'the timeout value must be between 1 and 30 seconds'),
    ...(spec.namespaceSelector ? selectorErrors(spec.namespaceSelector, 'spec.namespaceSelector') : []),
    ...(spec.objectSelector ? selectorErrors(spec.objectSelector, 'spec.objectSelector') : []),
    ...auditErrors(spec),
  ];
}

/** null is the same as absent, in a list it is the empty text. */
const texts = (list: readonly (string | null)[] | null | undefined): string[] => (list ?? []).map((text) => text ?? '');

function nameErrors(name: string): FieldError[] {
  const path = 'metadata.name';
  if (name === '') return [required(path)];
  const problems = subdomainProblems(name);
  if (problems.length > 0) return [invalid(path, name, problems.join(','))];
  if (name.split('.').length >= FEWEST_NAME_PARTS) return [];
  return [invalid(path, name, 'should be a domain with at least three segments separated by dots')];
}

function operationErrors(spec: Spec, path: string): FieldError[] {
  const operations = texts(spec.operations);
  if (operations.length === 0) return [required(path)];
  const known = spec.type === 'Controller' ? CONTROLLER_OPERATIONS : OPERATIONS;
  return [
    ...loneStar(path, '[]v1.OperationType', operations, 'operations'),
    ...operations.flatMap((operation, index) => {
      // What is no operation at all is told all that exist, also in a Controller policy.
      const supported = OPERATIONS.includes(operation) ? known : OPERATIONS;
      return supported.includes(operation) ? [] : [unsupported(`${path}[${index}]`, operation, supported)];
    }),
  ];
}

function loneStar(path: string, goType: string, list: Spec['apiGroups'], what: string): FieldError[] {
  const values = texts(list);
  if (values.length < 2 || !values.includes('*')) return [];
  return [invalidList(path, goType, values, `if '*' is present, must not specify other ${what}`)];
}

/** "" and Validating mean the same and are two values. */
const typeErrors = (type: string, old: string): FieldError[] =>
  type === old ? [] : [invalid('spec.type', type, 'type is immutable')];

const oneOf = (path: string, value: string | null | undefined, supported: readonly string[]): FieldError[] =>
  value === null || value === undefined || supported.includes(value) ? [] : [unsupported(path, value, supported)];

const within = (path: string, value: number | null | undefined, most: number, detail: string): FieldError[] =>
  value === null || value === undefined || (value >= 1 && value <= most) ? [] : [invalid(path, value, detail)];

function auditErrors({ auditPolicy, violationPolicy, auditLogSize }: Spec): FieldError[] {
  const isAudit = auditPolicy === null || auditPolicy === undefined || ['Log', 'Skip'].includes(auditPolicy);
  return [
    ...(isAudit ? [] : [invalid('spec.auditPolicy', auditPolicy, 'needs to be one of [Log Skip]')]),
    ...(isViolationPolicy(violationPolicy)
      ? []
      : [invalid('spec.violationPolicy', violationPolicy ?? '', 'needs to be one of [Deny Warn Dry]')]),
    ...within('spec.auditLogSize', auditLogSize, 40, 'The audit log size needs to be between 1 and 40'),
  ];
}

const isViolationPolicy = (value: string | null | undefined): boolean =>
  value === null || value === undefined || ['deny', 'warn', 'dry'].includes(value.toLowerCase());
