import { diff } from '@jspolicy/policy';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { applyPatch } from './apply-patch.ts';

test('a difference that is applied gives the other document', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (before, after) => {
      const original = JSON.stringify(before);
      expect(JSON.stringify(sorted(applyPatch(before, diff(before, after))))).toBe(JSON.stringify(sorted(after)));
      expect(JSON.stringify(before)).toBe(original);
    }),
  );
});

test('names with a slash, a tilde, and those of prototypes', () => {
  const after = JSON.parse('{"a/b": 1, "c~d": [1, 2], "__proto__": {"x": 1}}');
  expect(JSON.stringify(applyPatch({ 'a/b': 0 }, diff({ 'a/b': 0 }, after)))).toBe(JSON.stringify(after));
});

/** Order of names is no difference; -0 is 0 in JSON. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, entry]) => [key, sorted(entry)]);
}
