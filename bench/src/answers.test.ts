import { expect, test } from 'vitest';
import { checkOf, WrongAnswer } from './answers.ts';
import { patched } from './json-patch.ts';
import { imageVariant, W1, W2, W3, WORKLOADS } from './workloads.ts';

const KIB = 1024;
const uid = '11111111-2222-4333-8444-555555555555';
const answer = (response: object) => ({ status: 200, text: JSON.stringify({ response: { uid, ...response } }) });

test.each([KIB, 10 * KIB, 100 * KIB])('every Pod has %d bytes', (bytes) => {
  for (const workload of WORKLOADS) {
    for (const { pod } of workload.variants(bytes)) expect(JSON.stringify(pod)).toHaveLength(bytes);
  }
});

test('a tenth and a twentieth of the reviews are to be denied', () => {
  const denied = (workload: typeof W1) => {
    const variants = workload.variants(KIB);
    return variants.filter(({ expected }) => expected.kind === 'denied').length / variants.length;
  };
  expect([denied(W1), denied(W2), denied(W3)]).toEqual([0.1, 0.05, 0]);
});

test('a right answer passes, also the second time, and a wrong one does not', () => {
  const check = checkOf(imageVariant(KIB, true));
  const message = 'container app-1: image registry.example.org/unknown/app:1.0 is not from an allowed registry';
  const right = answer({ allowed: false, status: { message, code: 403 } });
  check(right, uid);
  check(right, uid);
  expect(() => check({ ...right, status: 503 }, uid)).toThrow(WrongAnswer);
  expect(() => check(right, 'another')).toThrow('the uid is not another');
  expect(() => check(answer({ allowed: true, status: {} }), uid)).toThrow('should be denied');
  expect(() => check(answer({ allowed: false, status: { message: 'no' } }), uid)).toThrow('the message should be');
});

test('a patch is judged by the object that it gives', () => {
  const [variant] = W3.variants(KIB);
  if (!variant) throw new Error('W3 has a variant');
  const check = checkOf(variant);
  const withPatch = (operations: object[]) =>
    answer({ allowed: true, patch: Buffer.from(JSON.stringify(operations)).toString('base64') });
  if (variant.expected.kind !== 'mutated') throw new Error('W3 mutates');
  const { metadata, spec } = variant.expected.object;
  check(
    withPatch([
      { op: 'replace', path: '/metadata', value: metadata },
      { op: 'replace', path: '/spec', value: spec },
    ]),
    uid,
  );
  expect(() => check(withPatch([{ op: 'replace', path: '/metadata', value: metadata }]), uid)).toThrow(
    'another object',
  );
  expect(() => check(answer({ allowed: true }), uid)).toThrow('another object');
});

test('a patch is applied in order, with escaped keys and list positions', () => {
  const value = { 'a/b': { '~': 1 }, list: [1, 2, 3] };
  const operations = [
    { op: 'replace', path: '/a~1b/~0', value: 2 },
    { op: 'remove', path: '/list/0' },
    { op: 'add', path: '/list/-', value: 4 },
    { op: 'add', path: '/list/0', value: 0 },
  ];
  expect(patched(value, operations)).toEqual({ 'a/b': { '~': 2 }, list: [0, 2, 3, 4] });
  expect(() => patched(value, [{ op: 'add', path: '/none/x', value: 1 }])).toThrow('/none/x');
});
