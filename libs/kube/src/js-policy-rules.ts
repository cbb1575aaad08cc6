import { isPolicyName, type KubeObject } from '@jspolicy/contracts';

/** What is wrong with an object, and where in it. */
export interface ObjectProblem {
  path: (string | number)[];
  message: string;
}

type Rule = (value: unknown) => string | undefined;

const quoted = (words: readonly string[]): string => words.map((word) => JSON.stringify(word)).join(', ');

const oneOf =
  (...words: string[]): Rule =>
  (value) =>
    typeof value === 'string' && words.includes(value) ? undefined : `must be one of ${quoted(words)}`;

const oneOfAnyCase =
  (...words: string[]): Rule =>
  (value) =>
    typeof value === 'string' && words.some((word) => word.toLowerCase() === value.toLowerCase())
      ? undefined
      : `must be one of ${quoted(words)}`;

const wholeNumber =
  (min: number, max: number): Rule =>
  (value) =>
    Number.isInteger(value) && Number(value) >= min && Number(value) <= max
      ? undefined
      : `must be a whole number from ${min} to ${max}`;

const isText: Rule = (value) => (typeof value === 'string' ? undefined : 'must be text');

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const textMap: Rule = (value) =>
  isMap(value) && Object.values(value).every((entry) => typeof entry === 'string')
    ? undefined
    : 'must be a map of text';

const listOf =
  (entry: Rule, wanted: string): Rule =>
  (value) => {
    if (!Array.isArray(value)) return `must be a list of ${wanted}`;
    const wrong = value.find((item) => entry(item) !== undefined);
    return wrong === undefined ? undefined : `${JSON.stringify(wrong)} ${entry(wrong)}`;
  };

const texts = listOf(isText, 'text');

const selector: Rule = (value) => {
  if (!isMap(value)) return 'must be a label selector';
  const { matchLabels = {}, matchExpressions = [] } = value;
  const expression: Rule = (entry) =>
    isMap(entry) && typeof entry['key'] === 'string' && typeof entry['operator'] === 'string'
      ? texts(entry['values'] ?? [])
      : 'must have key and operator';
  return textMap(matchLabels) ?? listOf(expression, 'expressions')(matchExpressions);
};

const SPEC_RULES: Record<string, Rule> = {
  type: oneOf('', 'Validating', 'Mutating', 'Controller'),
  operations: listOf(oneOf('CREATE', 'UPDATE', 'DELETE', 'CONNECT', '*'), 'operations'),
  resources: texts,
  apiGroups: texts,
  apiVersions: texts,
  scope: oneOf('Cluster', 'Namespaced', '*'),
  matchPolicy: oneOf('Exact', 'Equivalent'),
  namespaceSelector: selector,
  objectSelector: selector,
  failurePolicy: oneOf('Fail', 'Ignore'),
  reinvocationPolicy: oneOf('Never', 'IfNeeded'),
  timeoutSeconds: wholeNumber(1, 30),
  violationPolicy: oneOfAnyCase('Deny', 'Warn', 'Dry'),
  auditPolicy: oneOf('Log', 'Skip'),
  auditLogSize: wholeNumber(1, 40),
  dependencies: textMap,
  javascript: isText,
};

/** What keeps a JsPolicy from being used at all: its name, and fields that are missing or of a wrong type or value. */
export function jsPolicyProblems(object: KubeObject): ObjectProblem[] {
  const problems: ObjectProblem[] = [];
  const { name } = object.metadata;
  if (!isPolicyName(name) || name.split('.').length < 3) {
    problems.push({ path: ['metadata', 'name'], message: `${name} must be a DNS subdomain with at least three parts` });
  }
  const { spec } = object;
  if (!isMap(spec)) return [...problems, { path: ['spec'], message: 'is required' }];
  for (const required of ['operations', 'resources']) {
    const value = spec[required];
    if (value === undefined || (Array.isArray(value) && value.length === 0)) {
      problems.push({ path: ['spec', required], message: 'is required' });
    }
  }
  return [...problems, ...fieldProblems(spec)];
}

function fieldProblems(spec: Record<string, unknown>): ObjectProblem[] {
  return Object.entries(spec).flatMap(([field, value]) => {
    const path = ['spec', field];
    const rule = Object.hasOwn(SPEC_RULES, field) ? SPEC_RULES[field] : undefined;
    if (!rule) return [{ path, message: 'is an unknown field' }];
    // null is the same as absent to the API server.
    const message = value === null ? undefined : rule(value);
    return message === undefined ? [] : [{ path, message }];
  });
}

/** The same as lines of text, `spec.operations: is required`. Empty: nothing is wrong. */
export const validateJsPolicy = (object: KubeObject): string[] =>
  jsPolicyProblems(object).map(({ path, message }) => `${path.join('.')}: ${message}`);
