import { describe, expect, test } from 'vitest';
import { admissionRequestReader } from './admission-request.ts';

const read = admissionRequestReader(JSON.parse, Array.isArray);
const V1 = { kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1' };

/** The request that a policy sees of these fields, as text: the order of its fields counts. */
function seen(fields: string, review = V1): string {
  const result = read(`${JSON.stringify(review).slice(0, -1)},"request":${fields}}`);
  return 'malformed' in result ? result.malformed : JSON.stringify(result.request);
}

const POD = '{"group":"","version":"v1","kind":"Pod"}';
const PODS = '{"group":"","version":"v1","resource":"pods"}';
const NOTHING = '"kind":{"group":"","version":"","kind":""},"resource":{"group":"","version":"","resource":""}';
const OBJECTS = '"object":null,"oldObject":null,"options":null';

describe('what a policy sees of a request', () => {
  test('all fields, in the order of the API, whatever order they came in', () => {
    const fields = [
      '"uid":"u"',
      `"kind":${POD},"resource":${PODS},"subResource":"scale","requestKind":${POD},"requestResource":${PODS}`,
      '"requestSubResource":"status","name":"web","namespace":"shop","operation":"UPDATE"',
      '"userInfo":{"username":"dana","uid":"7","groups":["a","b"],"extra":{"scopes":["x"]}}',
      '"object":{"b":1,"a":2},"oldObject":{"a":1},"dryRun":true,"options":{"kind":"UpdateOptions"}',
    ];
    const whole = `{${fields.join()}}`;
    expect(seen(whole)).toBe(whole);
    expect(seen(`{${[...fields].reverse().join()}}`)).toBe(whole);
  });

  test('of nothing what is never left out', () => {
    const least = `{"uid":"",${NOTHING},"operation":"","userInfo":{},${OBJECTS}}`;
    expect(seen('{}')).toBe(least);
    const nulls = [
      'uid',
      'kind',
      'resource',
      'requestKind',
      'requestResource',
      'requestSubResource',
      'name',
      'userInfo',
    ];
    const all = [...nulls, 'subResource', 'namespace', 'operation', 'object', 'oldObject', 'dryRun', 'options'];
    expect(seen(JSON.stringify(Object.fromEntries(all.map((name) => [name, null]))))).toBe(least);
  });

  test.each<[what: string, fields: string, rest: string]>([
    ['unknown fields vanish', '{"other":1,"uid":"u","userInfo":{"odd":1}}', `"operation":"","userInfo":{},${OBJECTS}`],
    [
      'empty texts are left out, but for uid and operation',
      '{"uid":"u","subResource":"","requestSubResource":"","name":"","namespace":"","operation":""}',
      `"operation":"","userInfo":{},${OBJECTS}`,
    ],
    [
      'empty lists and maps of a user too',
      '{"uid":"u","userInfo":{"username":"","uid":"","groups":[],"extra":{}}}',
      `"operation":"","userInfo":{},${OBJECTS}`,
    ],
    [
      'null in a list of groups is the empty text',
      '{"uid":"u","userInfo":{"groups":["a",null]}}',
      `"operation":"","userInfo":{"groups":["a",""]},${OBJECTS}`,
    ],
    [
      'dryRun false stays',
      '{"uid":"u","dryRun":false}',
      '"operation":"","userInfo":{},"object":null,"oldObject":null,"dryRun":false,"options":null',
    ],
    [
      'an empty kind of the original request is one',
      '{"uid":"u","requestKind":{}}',
      `"requestKind":{"group":"","version":"","kind":""},"operation":"","userInfo":{},${OBJECTS}`,
    ],
    [
      'objects are what they are',
      '{"uid":"u","object":[1],"oldObject":"text","options":0}',
      '"operation":"","userInfo":{},"object":[1],"oldObject":"text","options":0',
    ],
    [
      'keys of objects that have a meaning are keys',
      '{"uid":"u","object":{"__proto__":{"a":1},"constructor":2}}',
      '"operation":"","userInfo":{},"object":{"__proto__":{"a":1},"constructor":2},"oldObject":null,"options":null',
    ],
    [
      'the last of two keys counts',
      '{"uid":"first","uid":"u","object":{"a":1,"a":2}}',
      '"operation":"","userInfo":{},"object":{"a":2},"oldObject":null,"options":null',
    ],
  ])('%s', (_what, fields, rest) => {
    expect(seen(fields)).toBe(`{"uid":"u",${NOTHING},${rest}}`);
  });

  test('both versions are read alike, and told', () => {
    for (const version of ['v1', 'v1beta1']) {
      const apiVersion = `admission.k8s.io/${version}`;
      const result = read(JSON.stringify({ ...V1, apiVersion, request: { uid: 'u' }, response: { allowed: true } }));
      expect(result).toMatchObject({ info: { apiVersion, uid: 'u' }, request: { uid: 'u' } });
    }
  });
});

describe('what is no request', () => {
  const types: [field: string, value: unknown, wanted: string][] = [
    ['uid', 7, 'request.uid must be a string'],
    ['name', {}, 'request.name must be a string'],
    ['namespace', [], 'request.namespace must be a string'],
    ['operation', true, 'request.operation must be a string'],
    ['subResource', 1, 'request.subResource must be a string'],
    ['requestSubResource', 1, 'request.requestSubResource must be a string'],
    ['kind', 'Pod', 'request.kind must be an object'],
    ['kind', { kind: 1 }, 'request.kind.kind must be a string'],
    ['resource', [], 'request.resource must be an object'],
    ['requestKind', 'Pod', 'request.requestKind must be an object'],
    ['requestResource', { version: 1 }, 'request.requestResource.version must be a string'],
    ['userInfo', 'dana', 'request.userInfo must be an object'],
    ['userInfo', { username: 1 }, 'request.userInfo.username must be a string'],
    ['userInfo', { groups: 'a' }, 'request.userInfo.groups must be a list'],
    ['userInfo', { groups: [1] }, 'request.userInfo.groups must be a list of strings'],
    ['userInfo', { extra: [] }, 'request.userInfo.extra must be an object'],
    ['userInfo', { extra: { a: 'b' } }, 'request.userInfo.extra["a"] must be a list'],
    ['dryRun', 'yes', 'request.dryRun must be true or false'],
  ];
  test.each(types)('%s: %j', (field, value, wanted) => {
    expect(seen(JSON.stringify({ [field]: value }))).toBe(`the body must be an AdmissionReview: ${wanted}`);
  });

  test.each([
    ['', 'the body must be one AdmissionReview in JSON'],
    ['{} {}', 'the body must be one AdmissionReview in JSON'],
    ['\ufeff{}', 'the body must be one AdmissionReview in JSON'],
    ['null', 'the body must be an AdmissionReview: the body must be an object'],
    ['[]', 'the body must be an AdmissionReview: the body must be an object'],
    ['{}', 'the body must be an AdmissionReview: kind must be AdmissionReview'],
    [JSON.stringify(V1), 'the body must be an AdmissionReview: request must be an object'],
    [JSON.stringify({ ...V1, request: null }), 'the body must be an AdmissionReview: request must be an object'],
    [JSON.stringify({ ...V1, request: [] }), 'the body must be an AdmissionReview: request must be an object'],
    [
      JSON.stringify({ ...V1, kind: 'admissionreview', request: {} }),
      'the body must be an AdmissionReview: kind must be AdmissionReview',
    ],
  ])('%s', (body, malformed) => {
    expect(read(body)).toEqual({ malformed });
  });
});
