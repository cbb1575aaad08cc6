import { admissionReview, pod } from '@jspolicy/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ServedPolicy, serveOnePolicy } from './running-engine.ts';
import type { Stack } from './stack.ts';

const NAME = 'deny.bytes.example';
let served: ServedPolicy;
let stack: Stack;

beforeAll(async () => {
  served = await serveOnePolicy(NAME);
  stack = served.stack;
});
afterAll(() => served?.stop());

const review = JSON.stringify(admissionReview({ object: pod(), uid: 'u' }));
const fields = Object.keys(admissionReview({ object: pod() }).request);

/** A review in which one field is something else, or gone. */
const changed = fc
  .tuple(fc.constantFrom(...fields), fc.option(fc.jsonValue(), { nil: undefined }))
  .map(([field, value]) => {
    const made = JSON.parse(review);
    made.request[field] = value;
    return JSON.stringify(made);
  });
/** A review with bytes put over some of its own, or cut off. */
const damaged = fc
  .tuple(fc.nat(review.length - 1), fc.uint8Array({ maxLength: 8 }), fc.boolean())
  .map(([at, bytes, cut]) => {
    const start = Buffer.from(review).subarray(0, at);
    return Buffer.concat([start, bytes, cut ? Buffer.alloc(0) : Buffer.from(review).subarray(at + bytes.length)]);
  });
const bodies = fc.oneof(
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  fc.string({ unit: 'binary', maxLength: 100 }),
  fc.json(),
  fc
    .record({
      kind: fc.constant('AdmissionReview'),
      apiVersion: fc.constant('admission.k8s.io/v1'),
      request: fc.jsonValue(),
    })
    .map((made) => JSON.stringify(made)),
  changed,
  damaged,
);

test('whatever is posted, nothing is allowed that the policy denies, and nothing breaks', async () => {
  const seen = new Map<number, number>();
  const before = stack.alive();
  const property = fc.asyncProperty(bodies, async (body) => {
    const { status, text } = await stack.webhook.send(`/policy/${NAME}`, { body });
    seen.set(status, (seen.get(status) ?? 0) + 1);
    expect([200, 400]).toContain(status);
    const answer = JSON.parse(text);
    if (status === 400) expect(answer).toMatchObject({ kind: 'Status', code: 400, reason: 'BadRequest' });
    else expect(answer.response).toMatchObject({ allowed: false, status: { message: 'reached' } });
  });
  await fc.assert(property, { numRuns: 600 });
  expect(seen.get(200)).toBeGreaterThan(20);
  expect(seen.get(400)).toBeGreaterThan(100);
  expect(stack.alive()).toEqual(before);
});

test('the same where the engine judges its own kinds', async () => {
  const property = fc.asyncProperty(bodies, fc.constantFrom('/crds', '/crds/before-schema'), async (body, path) => {
    const { status, text } = await stack.webhook.send(path, { body });
    expect([200, 400]).toContain(status);
    expect(typeof JSON.parse(text)).toBe('object');
  });
  await fc.assert(property, { numRuns: 300 });
});
