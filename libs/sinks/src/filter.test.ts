import type { SinkFilter } from '@jspolicy/contracts';
import { describe, expect, test } from 'vitest';
import { violation } from './events.test-part.ts';
import { Expression, expressionProblem } from './expression.ts';
import { filterBy } from './filter.ts';
import { globMatches } from './glob.ts';

const clusterWide = { object: { apiVersion: 'v1', kind: 'Namespace', name: 'shop' } };

test.each<[boolean | string, SinkFilter, object]>([
  [true, {}, {}],
  [true, { policies: ['no-latest.example.com'] }, {}],
  [false, { policies: ['no-latest'] }, {}],
  [true, { policies: ['a', '*.example.com'] }, {}],
  [false, { policies: ['noXlatest.example.com'] }, {}],
  [true, { namespaces: ['sh*'] }, {}],
  [false, { namespaces: ['prod-*'] }, {}],
  [false, { namespaces: ['shop'] }, clusterWide],
  [true, { namespaces: [''] }, clusterWide],
  [false, { actions: ['Warn'] }, {}],
  [true, { actions: ['Warn', 'Deny'] }, {}],
  [false, { policies: ['*'], actions: ['Dry'] }, {}],
  [true, { expression: 'event.data.code == 403' }, {}],
  [true, { expression: 'event.data.code > 400 && event.data.code < 500' }, {}],
  [false, { expression: 'event.data.user.username.startsWith("system:")' }, {}],
  [true, { expression: '"system:authenticated" in event.data.user.groups' }, {}],
  [true, { expression: 'event.data.user.groups.exists(g, g.glob("system:*"))' }, {}],
  [true, { expression: 'event.data.object.kind in ["Pod", "Job"] && !event.data.dryRun' }, {}],
  [false, { expression: 'has(event.data.object.labels)' }, {}],
  // There are no labels: it cannot be judged.
  ['No such key: labels', { expression: 'event.data.object.labels.team == "a"' }, {}],
  ['it gives no bool', { expression: 'event.data.policy' }, {}],
  [true, { expression: 'event.data.evaluationMs < 2.5' }, { evaluationMs: 1.5 }],
])('%s: %j', (wanted, filter, data) => {
  expect(filterBy(filter).judge([violation(1, data)])).toEqual([wanted]);
});

test.each([
  ['a*b*c', 'abc', true],
  ['a*b*c', 'a-b-b-c', true],
  ['a*b*c', 'acb', false],
  ['*', '', true],
  ['**', 'a', true],
  ['ab*ba', 'aba', false],
  ['*a*a*', 'a', false],
  ['', 'a', false],
])('%s and %s: %s', (pattern, text, wanted) => {
  expect(globMatches(pattern, text)).toBe(wanted);
});

describe('what is too dear', () => {
  // A matcher that goes back would not come to an end.
  test('patterns with many wildcards are matched', () => {
    expect(globMatches(`${'*a'.repeat(126)}*b`, 'a'.repeat(253))).toBe(false);
    expect(
      filterBy({ policies: [`${'*a'.repeat(120)}*b`] }).judge([violation(1, { policy: 'a'.repeat(253) })]),
    ).toEqual([false]);
  });

  test.each([
    ['event.data.message.matches("(a+)+b")', 'matches() is not served'],
    ['event.data.user.groups.all(a, event.data.user.groups.all(b, a != b))', 'must not stand within another'],
    ['event.data.message.split("").size() > 1', 'split() is not served'],
    ['cel.bind(a, "x", a + a == "xx")', 'bind() is not served'],
    ['event.data.user.groups.map(g, g + g).size() == 1', 'map() is not served'],
    [`${'true && '.repeat(400)}true`, 'Exceeded maxAstNodes'],
    [`event.data.reason == "${'x'.repeat(4_096)}"`, 'must have at most 4096 characters'],
  ])('%.70s is refused', (expression, problem) => {
    expect(expressionProblem(expression)).toContain(problem);
  });

  test('an expression that the machine had no time for is tried again', () => {
    const event = violation(1);
    const { data } = event;
    const expression = new Expression('event.data.code == 403', { limitMs: 1_000 });
    let stillFor = 1_500;
    Object.defineProperty(event, 'data', {
      enumerable: true,
      get() {
        // Nothing behind the wait is done when it is cut off.
        const forMs = stillFor;
        stillFor = 0;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, forMs);
        return data;
      },
    });
    expect(expression.judge([event])).toEqual([true]);
  });

  test('an expression that does not end in time rests, and loses nothing', () => {
    const groups = Array.from({ length: 500_000 }, (_, i) => `group-${i}`);
    const dear = violation(2, { user: { username: 'a', groups } });
    const text = `event.data.user.groups.all(g, ${Array.from({ length: 40 }, () => 'g.lowerAscii() != "x"').join(' && ')})`;
    const expression = new Expression(text, { limitMs: 20 });
    expect(expression.judge([dear, violation(3)])).toEqual(['it takes too long', 'it takes too long']);
    expect(expression.judge([violation(4)])).toEqual(['it takes too long']);
  });
});
