import fc from 'fast-check';
import { applyPatch } from 'rfc6902';
import { describe, expect, test } from 'vitest';
import { diff } from './json-patch.ts';

/** Applies with an implementation that is not ours. */
function applied(before: unknown, after: unknown): unknown {
  const box = { root: structuredClone(before) };
  const operations = JSON.parse(JSON.stringify(diff(before, after))) as ReturnType<typeof diff>;
  for (const operation of operations) {
    const path = `/root${operation.path}`;
    const [error] = applyPatch(box, [{ ...operation, path } as never]);
    if (error) throw error;
  }
  return box.root;
}

const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
const nested = (depth: number, leaf: unknown): unknown => {
  let value = leaf;
  for (let level = 0; level < depth; level++) value = { a: value };
  return value;
};

/** JSON.parse of V8 13.6 (Node 24) may take an escaped key for one that begins with a backslash. */
const anyName = fc.string({ maxLength: 4 }).filter((text) => !text.startsWith('\\'));
const key = fc.oneof(fc.constantFrom('name', 'image', 'a/b', '~', '', 'длина'), anyName);
const tree = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, false, 0, 1, -1.5, '', 'x', 'y'),
    fc.array(tie('value'), { maxLength: 6 }),
    fc.dictionary(key, tie('value'), { maxKeys: 5 }),
  ),
})).value;

describe('diff', () => {
  test('applied by another implementation to the first gives the second', () => {
    fc.assert(
      fc.property(tree, tree, (before, after) => {
        // The applying library steps over these keys; a test below has them.
        fc.pre(!/__proto__|constructor|prototype/.test(JSON.stringify([before, after])));
        expect(applied(before, after)).toEqual(after);
      }),
      { numRuns: 2000 },
    );
  });

  test('nothing for the same JSON, in whatever order its keys are', () => {
    fc.assert(
      fc.property(tree, (value) => {
        expect(diff(value, asJson(value))).toEqual([]);
      }),
    );
    expect(diff({ a: 1, b: [{ c: 1, d: 2 }] }, { b: [{ d: 2, c: 1 }], a: 1 })).toEqual([]);
  });

  const pod = {
    spec: {
      containers: [
        { name: 'a', image: 'a:1' },
        { name: 'b', image: 'b:1' },
        { name: 'c', image: 'c:1' },
      ],
    },
  };
  const [a, b, c] = pod.spec.containers;
  const side = { name: 'side', image: 's' };
  const at = (index: number | string) => `/spec/containers/${index}`;
  test.each([
    ['appended', [a, b, c, side], [{ op: 'add', path: at(3), value: side }]],
    ['put first', [side, a, b, c], [{ op: 'add', path: at(0), value: side }]],
    ['taken from the middle', [a, c], [{ op: 'remove', path: at(1) }]],
    ['cleared', [], [2, 1, 0].map((index) => ({ op: 'remove', path: at(index) }))],
    [
      'reversed',
      [c, b, a],
      [
        { op: 'replace', path: at('2/name'), value: 'a' },
        { op: 'replace', path: at('2/image'), value: 'a:1' },
        { op: 'replace', path: at('0/name'), value: 'c' },
        { op: 'replace', path: at('0/image'), value: 'c:1' },
      ],
    ],
    [
      'one put first and one changed',
      [side, a, { ...b, image: 'b:2' }, c],
      [
        { op: 'replace', path: at('1/image'), value: 'b:2' },
        { op: 'add', path: at(0), value: side },
      ],
    ],
  ])('a container %s', (_what, containers, operations) => {
    expect(diff(pod, { spec: { containers } })).toEqual(operations);
  });

  test('an addition and a removal rather than two changes', () => {
    expect(diff(['a', 'b', 'c'], ['a', 'c', 'd'])).toEqual([
      { op: 'add', path: '/3', value: 'd' },
      { op: 'remove', path: '/1' },
    ]);
  });

  test('keys are escaped as in RFC 6901', () => {
    expect(diff({ 'gone/~': 1 }, { 'a/b~c': 2, '~1': 3 })).toEqual([
      { op: 'add', path: '/a~1b~0c', value: 2 },
      { op: 'add', path: '/~01', value: 3 },
      { op: 'remove', path: '/gone~1~0' },
    ]);
  });

  test('undefined is absent in objects and null in lists; -0 is 0; NaN is null', () => {
    expect(diff({ a: 1, b: 0, c: null }, { a: undefined, b: -0, c: NaN, d: undefined })).toEqual([
      { op: 'remove', path: '/a' },
    ]);
    expect(diff([1], [undefined])).toEqual([{ op: 'replace', path: '/0', value: null }]);
    expect(diff({ a: 1 }, undefined)).toEqual([]);
  });

  test('no object before: the whole is replaced', () => {
    expect(diff(null, { a: 1 })).toEqual([{ op: 'replace', path: '', value: { a: 1 } }]);
    expect(diff(undefined, { a: 1 })).toEqual([{ op: 'replace', path: '', value: { a: 1 } }]);
  });

  test('__proto__ is a key like any other', () => {
    const before = JSON.parse('{"a": 1}') as unknown;
    const after = JSON.parse('{"a": 1, "__proto__": {"polluted": 1}}') as unknown;
    expect(JSON.stringify(diff(before, after))).toBe('[{"op":"add","path":"/__proto__","value":{"polluted":1}}]');
    expect(diff(after, before)).toEqual([{ op: 'remove', path: '/__proto__' }]);
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
    expect(diff({}, { constructor: { prototype: 1 } })).toEqual([
      { op: 'add', path: '/constructor', value: { prototype: 1 } },
    ]);
  });

  test('a difference deep inside replaces the part at a bounded depth', () => {
    const [operation, ...others] = diff(nested(20_000, 1), nested(20_000, 2));
    expect(others).toEqual([]);
    expect(operation).toMatchObject({ op: 'replace', path: '/a'.repeat(500) });
    expect(diff(nested(100_000, 1), nested(100_000, 1))).toEqual([]);
    expect(applied(nested(600, 1), nested(600, 2))).toEqual(nested(600, 2));
  });

  test.each([500, 5_000])('two lists of %i without a common element cost no more than the new list', (count) => {
    const make = (prefix: string) =>
      Array.from({ length: count }, (_, index) => ({ name: `${prefix}-${index}`, value: index }));
    const [before, after] = [{ list: make('a') }, { list: make('b') }];
    expect(JSON.stringify(diff(before, after)).length).toBeLessThan(JSON.stringify(after).length + 1200);
    expect(applied(before, after)).toEqual(after);
  });

  test('one element put into the middle of a long list is one operation', () => {
    const list = Array.from({ length: 3_000 }, (_, index) => ({ index }));
    expect(diff(list, list.toSpliced(1_500, 0, { index: -1 }))).toEqual([
      { op: 'add', path: '/1500', value: { index: -1 } },
    ]);
  });
});
