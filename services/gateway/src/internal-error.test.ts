import { readFileSync } from 'node:fs';
import { ensureCertificates } from '@jspolicy/certificates';
import type { Logger } from '@jspolicy/runtime';
import { withTempDir } from '@jspolicy/testing';
import { expect, test } from 'vitest';
import { BodyBudget } from './body-budget.ts';
import { ReviewHandler } from './review-handler.ts';
import { createServer } from './server.ts';

const review = JSON.stringify({ kind: 'AdmissionReview', request: { uid: 'the-uid', object: { uid: 'other' } } });
const broken = new TypeError('not a function');

function logged() {
  const lines: Record<string, unknown>[] = [];
  const log = { error: (about: Record<string, unknown>) => lines.push(about) } as unknown as Logger;
  return { lines, log };
}

test('an error that nobody foresaw is INTERNAL, and logged with its stack, the policy and the uid', async () => {
  const { lines, log } = logged();
  const bus = { request: () => Promise.reject(broken) };
  const handler = new ReviewHandler({ bus, maxInFlight: 1, gatewayId: 'gateway-0', log });
  const request = { policy: 'a.b.example', timeout: undefined, body: Buffer.from(review) };
  const { status, body } = await handler.handle(request);
  expect(status).toBe(500);
  expect(Buffer.from(body).toString()).toContain('internal error: see the log of the gateway');
  expect(lines).toEqual([{ err: broken, code: 'INTERNAL', policy: 'a.b.example', uid: 'the-uid' }]);
  // It takes no place among the reviews in flight for ever.
  expect((await handler.handle(request)).status).toBe(500);
});

test('one outside of the handler too; what the framework refuses stays the caller’s fault', () =>
  withTempDir(async (dir) => {
    const { lines, log } = logged();
    const files = await ensureCertificates(dir, { dnsNames: ['localhost'], ipAddresses: [] });
    const server = createServer({
      cert: readFileSync(files.certFile, 'utf8'),
      key: readFileSync(files.keyFile, 'utf8'),
      handler: { handle: () => Promise.reject(broken) },
      log,
      onAnswer: () => undefined,
      bodies: new BodyBudget(1024 * 1024, () => undefined),
      isEnding: () => false,
    });
    const post = (payload: string, length = payload.length) =>
      server.inject({
        method: 'POST',
        url: '/policy/a.b.example',
        headers: { 'content-type': 'application/json', 'content-length': String(length) },
        payload,
      });
    const answer = await post(review);
    expect([answer.statusCode, answer.json().message]).toEqual([500, 'internal error: see the log of the gateway']);
    expect(lines).toEqual([{ err: broken, code: 'INTERNAL', policy: 'a.b.example', uid: 'the-uid' }]);
    expect((await post('x', 2)).statusCode).toBe(400);
    expect(lines).toHaveLength(1);
    await server.close();
  }));
