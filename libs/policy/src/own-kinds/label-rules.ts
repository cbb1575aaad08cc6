import type { LabelSelector } from '@jspolicy/contracts';
import { type FieldError, forbidden, invalid, required } from './field-errors.ts';

const SUBDOMAIN = '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*';
const QUALIFIED_NAME = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const LABEL_VALUE = '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?';
const NAME_WORDS = `must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '${QUALIFIED_NAME}')`;
/** Of names of objects, and of prefixes of label keys. */
const MAX_SUBDOMAIN = 253;
/** Of the name part of a label key, and of a label's value. */
const MAX_LABEL = 63;

const whole = (pattern: string): RegExp => new RegExp(`^${pattern}$`);
const IS_SUBDOMAIN = whole(SUBDOMAIN);
const IS_QUALIFIED_NAME = whole(QUALIFIED_NAME);
const IS_LABEL_VALUE = whole(LABEL_VALUE);

const atMost = (characters: number): string => `must be no more than ${characters} characters`;

/** What keeps a text from being a name of an object; empty: nothing. */
export function subdomainProblems(text: string): string[] {
  return [
    ...(text.length > MAX_SUBDOMAIN ? [atMost(MAX_SUBDOMAIN)] : []),
    ...(IS_SUBDOMAIN.test(text)
      ? []
      : [
          `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '${SUBDOMAIN}')`,
        ]),
  ];
}

function keyProblems(key: string): string[] {
  const parts = key.split('/');
  const [first = '', second] = parts;
  if (parts.length > 2)
    return [`a qualified name ${NAME_WORDS} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  const name = second ?? first;
  return [
    ...(second === undefined ? [] : prefixProblems(first)),
    ...(name === '' ? ['name part must be non-empty'] : []),
    ...(name.length > MAX_LABEL ? [`name part ${atMost(MAX_LABEL)}`] : []),
    ...(IS_QUALIFIED_NAME.test(name) ? [] : [`name part ${NAME_WORDS}`]),
  ];
}

const prefixProblems = (prefix: string): string[] =>
  prefix === ''
    ? ['prefix part must be non-empty']
    : subdomainProblems(prefix).map((problem) => `prefix part ${problem}`);

function valueProblems(value: string): string[] {
  return [
    ...(value.length > MAX_LABEL ? [atMost(MAX_LABEL)] : []),
    ...(IS_LABEL_VALUE.test(value)
      ? []
      : [
          `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '${LABEL_VALUE}')`,
        ]),
  ];
}

/** Of a label selector whose types are right. */
export function selectorErrors({ matchLabels, matchExpressions }: LabelSelector, path: string): FieldError[] {
  const labels = Object.entries(matchLabels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    ...labels.flatMap(([key, value]) => [
      ...keyProblems(key).map((problem) => invalid(`${path}.matchLabels`, key, problem)),
      ...valueProblems(value ?? '').map((problem) => invalid(`${path}.matchLabels`, value ?? '', problem)),
    ]),
    ...(matchExpressions ?? []).flatMap((expression, index) =>
      expressionErrors(expression ?? {}, `${path}.matchExpressions[${index}]`),
    ),
  ];
}

interface Expression {
  key?: string | null;
  operator?: string | null;
  values?: string[] | null;
}

function expressionErrors({ key, operator, values }: Expression, path: string): FieldError[] {
  return [
    ...operatorErrors(operator ?? '', (values ?? []).length, path),
    ...keyProblems(key ?? '').map((problem) => invalid(`${path}.key`, key ?? '', problem)),
  ];
}

function operatorErrors(operator: string, values: number, path: string): FieldError[] {
  switch (operator) {
    case 'In':
    case 'NotIn':
      return values > 0 ? [] : [required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'")];
    case 'Exists':
    case 'DoesNotExist':
      return values === 0
        ? []
        : [forbidden(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")];
    default:
      return [invalid(`${path}.operator`, operator, 'not a valid selector operator')];
  }
}
