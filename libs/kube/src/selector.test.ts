import { expect, test } from 'vitest';
import { matchesLabels, parseFieldSelector, parseLabelSelector } from './selector.ts';

const labels = { app: 'web', tier: 'front', 'example.com/on': '' };

test.each([
  ['', true],
  ['app=web', true],
  ['app==web,tier=front', true],
  ['app = web , tier != back', true],
  ['app!=web', false],
  ['missing!=web', true],
  ['app in (api, web)', true],
  ['app in (api)', false],
  ['app notin (api,db),tier', true],
  ['missing notin (x)', true],
  ['app notin (web)', false],
  ['tier', true],
  ['missing', false],
  ['!missing', true],
  ['! tier', false],
  ['example.com/on', true],
  ['example.com/on=', true],
  ['in', false],
  ['app in (web),in', false],
  ['constructor', false],
])('%j is %s', (text, expected) => {
  expect(matchesLabels(parseLabelSelector(text), labels)).toBe(expected);
});

test.each(['a=b=c', 'a in b', 'a in (b', ',', 'a,', 'a b', '(a)', '!a=b', 'a/b/c', '-a', 'a=b c', 'a=-'])(
  'refuses %j',
  (text) => {
    expect(() => parseLabelSelector(text)).toThrow(expect.objectContaining({ status: 400, reason: 'BadRequest' }));
  },
);

test('matches LabelSelector objects', () => {
  const expression = (operator: string, values?: string[]) => ({
    matchLabels: { app: 'web' },
    matchExpressions: [{ key: 'tier', operator, ...(values && { values }) }],
  });
  expect(matchesLabels({}, undefined)).toBe(true);
  expect(matchesLabels(undefined, labels)).toBe(true);
  expect(matchesLabels(expression('In', ['front']), labels)).toBe(true);
  expect(matchesLabels(expression('NotIn', ['front']), labels)).toBe(false);
  expect(matchesLabels(expression('Exists'), labels)).toBe(true);
  expect(matchesLabels(expression('DoesNotExist'), labels)).toBe(false);
  expect(() => matchesLabels(expression('Equals', ['a']), labels)).toThrow('not a valid label selector operator');
  expect(() => matchesLabels(expression('In'), labels)).toThrow('must not be empty');
});

test('field selectors know name and namespace', () => {
  const object = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', namespace: 'b' } };
  expect(parseFieldSelector('metadata.name=a,metadata.namespace!=c')(object)).toBe(true);
  expect(parseFieldSelector('metadata.name==b')(object)).toBe(false);
  expect(() => parseFieldSelector('spec.nodeName=x')).toThrow('field label not supported: spec.nodeName=x');
});
