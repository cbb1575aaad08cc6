import { admissionReview } from '@jspolicy/testing';
import fc from 'fast-check';
import { applyPatch, type Operation } from 'rfc6902';
import { afterAll, expect, test } from 'vitest';
import { TestPool } from './pool-for-test.test-part.ts';

const pool = new TestPool();
afterAll(() => pool.sandbox.stop());

/**
 * JSON.parse of V8 13.6 (Node 24) takes an escaped key for one that begins with a backslash, where objects of the same shape had
 * such a key before: `{"x":1,"\\":2}`, then `{"x":1,"\"":2}`.
 */
const withoutBackslashFirst = (text: string): boolean => !text.startsWith('\\');
const key = fc.oneof(
  fc.constantFrom('name', 'a/b', '~', '~1', '', 'длина', '0', 'length', 'toString'),
  fc.string({ maxLength: 3 }).filter(withoutBackslashFirst),
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(null, true, 0, -0, 1e300, 2 ** 53, -1.5, '', 'x', '\ud800', '\u2028', '😀'),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(key, tie('value'), { maxKeys: 4 }),
  ),
}));
const object = fc.dictionary(key, value, { maxKeys: 5 });
/** What a policy may have in its object beside JSON, as source text. */
const odd = fc.constantFrom(
  '',
  'after.odd = undefined;',
  'after.odd = [undefined, () => 1, NaN, -0, Symbol()];',
  'after.odd = new Date(0);',
  'after.odd = new Uint8Array([1, 2]);',
  'after.odd = new Map([[1, 2]]);',
  'after.odd = { toJSON() { return ["own"] } };',
  'after.odd = [new String("boxed"), new Number(1), new Boolean(false)];',
  'after.odd = /x/g; after[Symbol()] = 1;',
  'after.odd = Array(3);',
  'after.odd = Object.create({ inherited: 1 });',
  'after.odd = 12345678901234567890;',
  'Object.defineProperty(after, "hidden", { value: 1, enumerable: false });',
);

test('the patch, applied by another implementation, gives the object that mutate() got', async () => {
  const property = fc.asyncProperty(object, object, odd, async (before, after, more) => {
    // The applying library steps over these keys.
    fc.pre(!/__proto__|constructor|prototype/.test(JSON.stringify([before, after])));
    const make = `const after = ${JSON.stringify(after)}; ${more}`;
    const review = admissionReview({ object: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' } } });
    review.request.object = before;
    const told = await pool.run(`${make} mutate(after)`, { type: 'Mutating', review });
    if (told.kind !== 'verdict') throw new Error(JSON.stringify(told));
    const box = { root: JSON.parse(JSON.stringify(before)) };
    for (const operation of told.verdict.patch ?? []) {
      const [error] = applyPatch(box, [{ ...operation, path: `/root${operation.path}` } as Operation]);
      if (error) throw error;
    }
    // As JavaScript itself writes it.
    expect(box.root).toEqual(JSON.parse(new Function(`${make} return JSON.stringify(after)`)()));
  });
  await fc.assert(property, { numRuns: 200 });
});
