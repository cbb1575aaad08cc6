import { createCertificates } from '@jspolicy/certificates';
import { createLogger } from '@jspolicy/runtime';
import { waitFor } from '@jspolicy/testing';
import { expect, test } from 'vitest';
import { type CertificateListener, Serving, type ServingCertificate } from './serving-certificate.ts';

const HOUR_MS = 3_600_000;
const SKEW_MS = 300_000;
const made = (beginsInMs: number) =>
  createCertificates({ dnsNames: ['localhost'], ipAddresses: [], backdatedMs: -beginsInMs });

test('a certificate that is not valid yet serves when its time has come, and the one before until then', async () => {
  let tell!: CertificateListener['onCertificate'];
  const serving = new Serving(
    ({ onCertificate }) => {
      tell = onCertificate;
      return { stop() {} };
    },
    createLogger({ service: 'test', level: 'silent' }),
  );
  const first = serving.first();
  tell(await made(HOUR_MS));
  expect(serving.problem).toBe('the certificate is not valid yet');
  expect(serving.remainingSeconds).toBeUndefined();
  const valid = await made(-HOUR_MS);
  tell(valid);
  expect(await first).toBe(valid);
  // Ninety days from when it was made.
  expect(serving.remainingSeconds).toBeGreaterThan(89 * 86_400);
  expect(serving.remainingSeconds).toBeLessThanOrEqual(90 * 86_400);
  expect(serving.problem).toBeUndefined();
  const swapped: ServingCertificate[] = [];
  serving.follow(valid, (later) => swapped.push(later));
  tell(await made(HOUR_MS));
  expect(swapped).toEqual([]);
  const withinSkew = await made(SKEW_MS / 2);
  tell(withinSkew);
  const soon = await made(SKEW_MS + 2_000);
  tell(soon);
  await waitFor(() => swapped.includes(soon), { what: 'its time to come' });
  expect(swapped).toEqual([withinSkew, soon]);
  await serving.stop();
});
