import { describe, expect, test } from 'vitest';
import { answerOwnKind } from './own-kinds-handler.ts';

const POLICY = {
  apiVersion: 'policy.jspolicy.com/v1beta1',
  kind: 'JsPolicy',
  metadata: { name: 'asks.gateway.example' },
  spec: { operations: ['CREATE'], resources: ['pods'] },
};
const review = (apiVersion: string, object: unknown) => ({
  kind: 'AdmissionReview',
  apiVersion,
  request: {
    uid: 'u-1',
    kind: { group: 'policy.jspolicy.com', version: 'v1beta1', kind: 'JsPolicy' },
    operation: 'CREATE',
    object,
    oldObject: null,
  },
});
const ask = (body: string | undefined, stage: 'complete' | 'before-schema' = 'complete') => {
  const { status, body: answer } = answerOwnKind(body === undefined ? undefined : Buffer.from(body), stage);
  return [status, Buffer.from(answer).toString()] as const;
};

describe('reviews of the own kinds', () => {
  test.each(['admission.k8s.io/v1', 'admission.k8s.io/v1beta1'])('%s is answered in itself', (version) => {
    expect(ask(JSON.stringify(review(version, POLICY)))).toEqual([
      200,
      `{"kind":"AdmissionReview","apiVersion":"${version}","response":{"uid":"u-1","allowed":true,"status":{"metadata":{},"code":200}}}\n`,
    ]);
  });

  test('a refusal has reason, code and text', () => {
    const [status, answer] = ask(JSON.stringify(review('admission.k8s.io/v1', { ...POLICY, spec: {} })));
    expect(status).toBe(200);
    expect(JSON.parse(answer).response).toEqual({
      uid: 'u-1',
      allowed: false,
      status: {
        metadata: {},
        message: '[spec.rules.operations: Required value, spec.rules.resources: Required value]',
        reason: 'Forbidden',
        code: 403,
      },
    });
  });

  test('before the schema, the stored form is a patch', () => {
    const object = { ...POLICY, spec: { ...POLICY.spec, violationPolicy: 'dry' } };
    const [, answer] = ask(JSON.stringify(review('admission.k8s.io/v1', object)), 'before-schema');
    const { patch, patchType } = JSON.parse(answer).response;
    expect(patchType).toBe('JSONPatch');
    expect(JSON.parse(Buffer.from(patch, 'base64').toString())).toEqual([
      { op: 'replace', path: '/spec/violationPolicy', value: 'Dry' },
    ]);
  });

  test.each([
    [undefined, 'the body is empty, an AdmissionReview is wanted'],
    ['{', 'the body must be one AdmissionReview in JSON'],
    ['\xff"', 'the body must be one AdmissionReview in JSON'],
    ['[]', 'the body must be an AdmissionReview: kind must be AdmissionReview'],
    [
      '{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v2"}',
      'the body must be an AdmissionReview: apiVersion must be admission.k8s.io/v1 or admission.k8s.io/v1beta1',
    ],
    [
      '{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":[]}',
      'the body must be an AdmissionReview: request must be an object',
    ],
  ])('%j is no review', (body, message) => {
    expect(ask(body)).toEqual([
      400,
      JSON.stringify({
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Failure',
        message,
        reason: 'BadRequest',
        code: 400,
      }),
    ]);
  });

  test('an object that is nested as deep as a body allows is refused, and nothing breaks', () => {
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    const body = JSON.stringify(review('admission.k8s.io/v1', 'DEEP')).replace('"DEEP"', deep);
    const [status, answer] = ask(body);
    expect([status, answer.includes('"allowed":true')]).toEqual([status === 400 ? 400 : 200, false]);
  });
});
