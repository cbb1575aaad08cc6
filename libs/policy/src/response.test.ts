import { expect, test } from 'vitest';
import type { Answer } from './decision.ts';
import { admissionReviewAnswer } from './response.ts';

const v1 = { apiVersion: 'admission.k8s.io/v1', uid: 'u-1' };
const answer = (fields: Partial<Answer>): Answer => ({
  kind: 'answer',
  allowed: true,
  code: 200,
  warnings: [],
  ...fields,
});
const text = (status: string, rest = '', allowed = true, version = 'v1'): string =>
  `{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/${version}","response":{"uid":"u-1","allowed":${allowed},` +
  `"status":{"metadata":{},${status}}${rest}}}\n`;

test.each<[string, Answer, string]>([
  ['allowed', answer({}), text('"code":200')],
  ['with warnings', answer({ warnings: ['[p]: w'] }), text('"code":200', ',"warnings":["[p]: w"]')],
  [
    'denied',
    answer({ allowed: false, message: 'no', reason: 'Forbidden', code: 403 }),
    text('"message":"no","reason":"Forbidden","code":403', '', false),
  ],
  ['denied without words', answer({ allowed: false, message: '', code: 500 }), text('"code":500', '', false)],
  [
    'mutated',
    answer({ patch: [{ op: 'add', path: '/x', value: 1 }], warnings: ['[p]: w'] }),
    text(
      '"code":200',
      ',"patch":"W3sib3AiOiJhZGQiLCJwYXRoIjoiL3giLCJ2YWx1ZSI6MX1d","patchType":"JSONPatch","warnings":["[p]: w"]',
    ),
  ],
  [
    'characters that Go escapes',
    answer({ allowed: false, message: '<&>\u2028\b\f\\b\\\\f"é😀', code: 403 }),
    text(String.raw`"message":"\u003c\u0026\u003e\u2028\u0008\u000c\\b\\\\f\"é😀","code":403`, '', false),
  ],
])('%s', (_what, given, expected) => {
  expect(admissionReviewAnswer(v1, given)).toBe(expected);
});

test('in the version that the review came in', () => {
  const v1beta1 = { ...v1, apiVersion: 'admission.k8s.io/v1beta1' };
  expect(admissionReviewAnswer(v1beta1, answer({}))).toBe(text('"code":200', '', true, 'v1beta1'));
});
