import { admissionReview, pod } from '@jspolicy/testing';
import { expect, test } from 'vitest';
import { readReviewInfo } from './review-info.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

test('reads what the answer and the violation need', () => {
  const userInfo = { username: 'dana', uid: 'u-7', groups: ['devs'] };
  const web = pod({ name: 'web', namespace: 'shop' });
  const labels = { team: 'shop', ['long'.repeat(100)]: 'x', value: 'x'.repeat(64) };
  const review = admissionReview({
    object: { ...web, metadata: { ...web.metadata, uid: 'o-1', labels } },
    subResource: 'log',
    uid: 'u-1',
    userInfo,
    dryRun: true,
  });
  expect(readReviewInfo(bytes(JSON.stringify(review)))).toEqual({
    apiVersion: 'admission.k8s.io/v1',
    uid: 'u-1',
    kind: { group: '', version: 'v1', kind: 'Pod' },
    name: 'web',
    namespace: 'shop',
    operation: 'CREATE',
    subResource: 'log',
    userInfo,
    dryRun: true,
    object: { uid: 'o-1', labels: { team: 'shop' } },
  });
});

test('what is deleted is told by what was there', () => {
  const web = pod({ name: 'web', namespace: 'shop' });
  const object = { ...web, metadata: { ...web.metadata, uid: 'o-2', labels: {} } };
  const review = admissionReview({ object, operation: 'DELETE' });
  expect(readReviewInfo(bytes(JSON.stringify(review))).object).toEqual({ uid: 'o-2' });
});

test('fields of other types are as good as absent', () => {
  const request =
    '{"uid": 1, "name": {}, "kind": [], "userInfo": "x", "dryRun": "yes", "__proto__": {"operation": "X"}}';
  expect(readReviewInfo(bytes(`{"apiVersion": "admission.k8s.io/v1beta1", "request": ${request}}`))).toEqual({
    apiVersion: 'admission.k8s.io/v1beta1',
    uid: '',
    kind: { group: '', version: '', kind: '' },
    operation: '',
    userInfo: {},
    dryRun: false,
  });
});

test.each([
  ['', 'not JSON'],
  ['{', 'not JSON'],
  ['\xff', 'not JSON'],
  ['null', 'no request'],
  ['[]', 'no request'],
  ['{"request": "x"}', 'no request'],
])('%j is no review', (text, message) => {
  const read = () => readReviewInfo(Buffer.from(text, 'latin1'));
  expect(read).toThrow(
    expect.objectContaining({ code: 'MALFORMED_REVIEW', message: expect.stringContaining(message) }),
  );
});
