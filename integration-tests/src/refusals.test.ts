import { admissionReview, pod } from '@jspolicy/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ServedPolicy, serveOnePolicy } from './running-engine.ts';
import type { Stack } from './stack.ts';

/** As long as names are that webhook configurations are named after. */
const NAME = `deny.${Array.from({ length: 3 }, (_, index) => 'abc'[index]?.repeat(63)).join('.')}.of.refusals.example`;
let served: ServedPolicy;
let stack: Stack;

beforeAll(async () => {
  served = await serveOnePolicy(NAME);
  stack = served.stack;
});
afterAll(() => served?.stop());

const status = (code: number, reason: string, message: string) =>
  JSON.stringify({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code });
const json = { 'content-type': 'application/json' };
const path = `/policy/${NAME}`;
const review = JSON.stringify(admissionReview({ object: pod() }));
const inLatin1 = Buffer.from(review.replace('nginx', 'ng\u00efnx'), 'latin1');

const refusals = [
  [
    'a body over 8 MiB',
    path,
    { body: Buffer.alloc(8 * 1024 * 1024 + 1, 32) },
    413,
    'RequestEntityTooLarge',
    'the body is larger than 8388608 bytes',
  ],
  [
    'text/plain',
    path,
    { body: review, headers: { 'content-type': 'text/plain' } },
    415,
    'UnsupportedMediaType',
    'contentType=text/plain, expected application/json',
  ],
  [
    'a charset',
    path,
    { body: review, headers: { 'content-type': 'application/json; charset=utf-8' } },
    415,
    'UnsupportedMediaType',
    'contentType=application/json; charset=utf-8, expected application/json',
  ],
  [
    'no content type',
    path,
    { body: review, headers: {} },
    415,
    'UnsupportedMediaType',
    'contentType=, expected application/json',
  ],
  ['GET', path, { method: 'GET', headers: json }, 405, 'MethodNotAllowed', 'method GET, expected POST'],
  ['PUT', path, { method: 'PUT', body: review, headers: json }, 405, 'MethodNotAllowed', 'method PUT, expected POST'],
  [
    'an unknown policy',
    '/policy/no-such.refusals.example',
    { body: review, headers: json },
    404,
    'NotFound',
    'JsPolicy.policy.jspolicy.com "no-such.refusals.example" not found',
  ],
  [
    'a name that is none',
    '/policy/UPPER.refusals.example',
    { body: review, headers: json },
    404,
    'NotFound',
    'JsPolicy.policy.jspolicy.com "UPPER.refusals.example" not found',
  ],
  [
    'no name',
    '/policy/',
    { body: review, headers: json },
    404,
    'NotFound',
    'JsPolicy.policy.jspolicy.com "" not found',
  ],
  [
    'a segment too many',
    `${path}/x`,
    { body: review, headers: json },
    404,
    'NotFound',
    `wrong request path: ${path}/x`,
  ],
  ['another path', '/healthz', { body: review, headers: json }, 404, 'NotFound', '404 page not found: /healthz'],
] as const;

test.each(refusals)('%s is refused with exact bytes', async (_what, at, options, code, reason, message) => {
  const answer = await stack.webhook.send(at, options);
  expect([answer.status, answer.text]).toEqual([code, status(code, reason, message)]);
  expect(answer.contentType).toBe('application/json');
});

const malformed: [string, string | Buffer][] = [
  ['an empty body', ''],
  ['no JSON', '{'],
  ['trailing data', `${review} x`],
  ['two documents', review + review],
  ['an array', '[]'],
  ['null', 'null'],
  ['no request', '{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"}'],
  ['another kind', review.replace('AdmissionReview', 'Pod')],
  ['an unknown version', review.replace('admission.k8s.io/v1', 'admission.k8s.io/v9')],
  ['YAML', 'kind: AdmissionReview\napiVersion: admission.k8s.io/v1\n'],
  ['bytes that are no UTF-8', inLatin1],
];

test.each(malformed)('%s is 400, and no policy runs', async (_what, body) => {
  const answer = await stack.webhook.send(path, { body });
  expect(answer.status).toBe(400);
  expect(JSON.parse(answer.text)).toMatchObject({ kind: 'Status', reason: 'BadRequest', code: 400 });
  expect(answer.text).not.toContain('reached');
});

test.each(['PATCH', 'DELETE', 'OPTIONS', 'TRACE'])('%s is 405', async (method) => {
  const answer = await stack.webhook.send(path, { method, headers: json });
  expect([answer.status, answer.text]).toEqual([
    405,
    status(405, 'MethodNotAllowed', `method ${method}, expected POST`),
  ]);
});

test.each([
  ['in another case', { 'content-type': 'Application/JSON' }],
  ['with a space', { 'content-type': 'application/json ' }],
  ['a patch', { 'content-type': 'application/json-patch+json' }],
  ['two of them', { 'content-type': 'application/json, application/json' }],
])('a content type %s: the same exact match as ever', async (_what, headers) => {
  const answer = await stack.webhook.send(path, { body: review, headers });
  // HTTP itself knows no space at the end of a header.
  if (headers['content-type'].trim() === 'application/json') expect(answer.status).toBe(200);
  else expect([answer.status, JSON.parse(answer.text).reason]).toEqual([415, 'UnsupportedMediaType']);
});

test.each([
  ['a query of the API server', `${path}?timeout=10s`],
  ['another query', `${path}?x=1&timeout=nonsense&timeout=5s`],
  ['an empty query', `${path}?`],
  ['a name with escapes', `/policy/${NAME.replace('d', '%64')}`],
])('%s is the policy', async (_what, at) => {
  const answer = await stack.webhook.send(at, { body: review, headers: json });
  expect(answer.status).toBe(200);
  expect(JSON.parse(answer.text)).toMatchObject({ response: { allowed: false, status: { message: 'reached' } } });
});

test.each([
  ['a name in another case', `/policy/${NAME.toUpperCase()}`],
  ['an escape that is none', '/policy/%zz'],
  ['an escaped slash', `/policy/x%2F${NAME}`],
  ['a NUL', '/policy/%00'],
  ['a subject of NATS', '/policy/*'],
  ['all subjects', '/policy/%3E'],
  ['two slashes', `//policy/${NAME}`],
  ['a very long name', `/policy/${'x'.repeat(4_000)}.a.b`],
])('%s is no policy', async (_what, at) => {
  const answer = await stack.webhook.send(at, { body: review, headers: json });
  expect(answer.status).toBe(404);
  expect(JSON.parse(answer.text)).toMatchObject({ kind: 'Status', status: 'Failure', reason: 'NotFound', code: 404 });
});

test('a body of just under 8 MiB is judged', async () => {
  const large = admissionReview({ object: pod({ annotations: { large: '' } }) });
  const room = 8 * 1024 * 1024 - JSON.stringify(large).length;
  large.request.object = pod({ annotations: { large: 'x'.repeat(room) } });
  expect(await stack.webhook.judge(NAME, large)).toMatchObject({ allowed: false, status: { message: 'reached' } });
});
