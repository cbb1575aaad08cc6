import type { KubeObject, LabelSelector } from '@jspolicy/contracts';
import { KubeError } from './port.ts';

type Operator = 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';

interface Requirement {
  key: string;
  operator: Operator;
  values: string[];
}

/** A parsed selector: an object matches when every requirement holds. An empty list matches everything. */
export type Requirements = readonly Requirement[];

const OPERATORS = new Set<string>(['In', 'NotIn', 'Exists', 'DoesNotExist'] satisfies Operator[]);
const NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const PREFIX = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
/** One requirement of a selector's text, from its start. Groups: !key | key op (set) | key = value | key. */
const REQUIREMENT =
  /^\s*(?:!\s*(?<absent>[^\s,!=()]+)|(?<key>[^\s,!=()]+)(?:\s+(?<set>in|notin)\s*\((?<values>[^()]*)\)|\s*(?<equal>==|=|!=)\s*(?<value>[^\s,!=()]*))?)\s*(?:,|$)/;

/**
 * Reads the text form of a label selector: `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b)`, `a`, `!a`, joined by commas.
 * Throws KubeError BadRequest for anything else.
 */
export function parseLabelSelector(text: string): Requirements {
  const requirements: Requirement[] = [];
  let rest = text;
  while (rest.trim() !== '') {
    const match = REQUIREMENT.exec(rest);
    if (!match?.groups) throw invalid(`unable to parse requirement: ${JSON.stringify(rest.trim())}`);
    requirements.push(requirement(match.groups));
    rest = rest.slice(match[0].length);
    if (rest.trim() === '' && match[0].trimEnd().endsWith(',')) throw invalid('a selector cannot end with a comma');
  }
  return requirements;
}

function requirement(groups: Record<string, string | undefined>): Requirement {
  const { absent, key = '', set, values = '', equal, value = '' } = groups;
  if (absent !== undefined) return checked({ key: absent, operator: 'DoesNotExist', values: [] });
  if (set !== undefined) {
    const operator = set === 'in' ? 'In' : 'NotIn';
    return checked({ key, operator, values: values.split(',').map((word) => word.trim()) });
  }
  if (equal === undefined) return checked({ key, operator: 'Exists', values: [] });
  return checked({ key, operator: equal === '!=' ? 'NotIn' : 'In', values: [value] });
}

/** The requirements of a LabelSelector object; {} and undefined match everything. Throws KubeError BadRequest. */
export function requirementsOf(selector: LabelSelector | undefined): Requirements {
  const equal = Object.entries(selector?.matchLabels ?? {}).map(([key, value]) =>
    checked({ key, operator: 'In', values: [value] }),
  );
  return [...equal, ...(selector?.matchExpressions ?? []).map(fromExpression)];
}

function fromExpression(expression: { key: string; operator: string; values?: string[] }): Requirement {
  const { key, operator, values = [] } = expression;
  if (!isOperator(operator)) throw invalid(`${JSON.stringify(operator)} is not a valid label selector operator`);
  const needsValues = operator === 'In' || operator === 'NotIn';
  if (needsValues === (values.length === 0)) {
    throw invalid(
      `values of ${operator} ${needsValues ? 'must not be empty' : 'must be empty'}: ${JSON.stringify(key)}`,
    );
  }
  return checked({ key, operator, values });
}

const isOperator = (word: string): word is Operator => OPERATORS.has(word);

function checked(requirement: Requirement): Requirement {
  const slash = requirement.key.indexOf('/');
  const name = requirement.key.slice(slash + 1);
  const prefixed = slash < 0 || PREFIX.test(requirement.key.slice(0, slash));
  if (!prefixed || !NAME.test(name)) throw invalid(`invalid label key ${JSON.stringify(requirement.key)}`);
  const wrong = requirement.values.find((value) => typeof value !== 'string' || (value !== '' && !NAME.test(value)));
  if (wrong !== undefined) throw invalid(`invalid label value: ${JSON.stringify(wrong)}`);
  return requirement;
}

/** Whether labels satisfy a selector: parsed, or a LabelSelector object. NotIn holds where the label is absent. */
export function matchesLabels(
  selector: Requirements | LabelSelector | undefined,
  labels: Record<string, string> | undefined,
): boolean {
  const requirements = isRequirements(selector) ? selector : requirementsOf(selector);
  return requirements.every((requirement) => holds(requirement, labels ?? {}));
}

const isRequirements = (selector: Requirements | LabelSelector | undefined): selector is Requirements =>
  Array.isArray(selector);

function holds({ key, operator, values }: Requirement, labels: Record<string, string>): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  if (operator === 'Exists') return value !== undefined;
  if (operator === 'DoesNotExist') return value === undefined;
  if (operator === 'In') return value !== undefined && values.includes(value);
  return value === undefined || !values.includes(value);
}

/**
 * Reads a field selector (`metadata.name=a,metadata.namespace!=b`) and gives its test.
 * Only these two fields are known to every kind; others throw KubeError BadRequest.
 */
export function parseFieldSelector(text: string): (object: KubeObject) => boolean {
  const terms = text.split(',').filter((term) => term.trim() !== '');
  const tests = terms.map((term) => {
    const match = /^\s*(metadata\.name|metadata\.namespace)\s*(==|=|!=)\s*(\S*)\s*$/.exec(term);
    if (!match) throw invalid(`field label not supported: ${term.trim()}`);
    const [, field, operator, wanted] = match;
    return ({ metadata }: KubeObject) => {
      const value = (field === 'metadata.name' ? metadata.name : metadata.namespace) ?? '';
      return (value === wanted) === (operator !== '!=');
    };
  });
  return (object) => tests.every((test) => test(object));
}

const invalid = (message: string): KubeError => new KubeError(400, 'BadRequest', message);
