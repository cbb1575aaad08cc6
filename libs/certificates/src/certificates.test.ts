import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer, get } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { withTempDir } from '@jspolicy/testing';
import { expect, test } from 'vitest';
import { begunAt, createCertificates, ensureCertificates } from './index.ts';

const names = { dnsNames: ['localhost', 'jspolicy.jspolicy.svc'], ipAddresses: ['127.0.0.1', '::1'] };
const HOUR_MS = 3_600_000;

test('a client that trusts the authority alone connects by name and by address', async () => {
  const { ca, cert, key } = await createCertificates(names);
  const server = createServer({ cert, key }, (_request, response) => response.end()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  try {
    for (const host of ['localhost', '127.0.0.1']) {
      const [answer] = await once(get({ host, port, ca, agent: false, family: 4 }), 'response');
      answer.resume();
      expect(answer.statusCode).toBe(200);
    }
    await expect(once(get({ host: '127.0.0.1', port, agent: false }), 'response')).rejects.toThrow(/certificate/);
  } finally {
    server.close();
  }
});

test('valid since an hour ago, for as long as asked', async () => {
  const { ca, cert, notAfter } = await createCertificates({ ...names, validDays: 10 });
  const leaf = new X509Certificate(cert);
  expect(new X509Certificate(ca).ca).toBe(true);
  expect(leaf.ca).toBe(false);
  expect(leaf.validToDate).toEqual(notAfter);
  expect(leaf.validToDate.getTime() - leaf.validFromDate.getTime()).toBe(10 * 24 * HOUR_MS + HOUR_MS);
  expect(leaf.checkHost('other.example.com')).toBeUndefined();
});

test('begun: also what begins within five minutes', async () => {
  const { ca } = await createCertificates({ ...names, backdatedMs: 0 });
  const from = new X509Certificate(ca).validFromDate.getTime();
  const begunBefore = (ms: number) => begunAt([ca, 'no PEM'], new Date(from - ms));
  expect([begunBefore(-1000), begunBefore(299_000), begunBefore(301_000)]).toEqual([[ca], [ca], []]);
});

test.each([
  [{ dnsNames: [], ipAddresses: [] }, 'needs a DNS name or an IP address'],
  [{ dnsNames: [], ipAddresses: ['localhost'] }, 'not an IP address: "localhost"'],
])('refused: %j', async (options, message) => {
  await expect(createCertificates(options)).rejects.toThrow(message);
});

test('files are kept while they fit, the key for its owner only', () =>
  withTempDir(async (path) => {
    const dir = join(path, 'certificates');
    const made = await ensureCertificates(dir, names);
    expect(made.renewed).toBe(true);
    expect((await stat(made.keyFile)).mode & 0o777).toBe(0o600);
    const kept = await ensureCertificates(dir, names);
    expect(kept).toEqual({ ...made, renewed: false });
    expect(kept.renewAt.getTime()).toBeLessThan(kept.notAfter.getTime());
  }));

test.each([
  ['a name more', async () => ({ ...names, dnsNames: [...names.dnsNames, 'webhook.example.com'] })],
  ['a name less', async () => ({ ...names, ipAddresses: ['127.0.0.1'] })],
  [
    'a key of another certificate',
    async (dir: string) => {
      await writeFile(join(dir, 'tls.key'), (await createCertificates(names)).key);
      return names;
    },
  ],
  [
    'a file that is cut off',
    async (dir: string) => {
      await writeFile(join(dir, 'ca.crt'), '-----BEGIN CERTIFICATE-----\n');
      return names;
    },
  ],
  [
    'two thirds of their life are over',
    async (dir: string) => {
      // An hour before now belongs to the life: 1.5 hours of it are more than two thirds gone after that hour.
      const { ca, cert, key } = await createCertificates({ ...names, validDays: 0.4 / 24 });
      await Promise.all([
        writeFile(join(dir, 'ca.crt'), ca),
        writeFile(join(dir, 'tls.crt'), cert),
        writeFile(join(dir, 'tls.key'), key),
      ]);
      return names;
    },
  ],
])('made anew: %s', (_what, change) =>
  withTempDir(async (dir) => {
    await mkdir(dir, { recursive: true });
    const before = await ensureCertificates(dir, names);
    const old = await readFile(before.certFile, 'utf8');
    const after = await ensureCertificates(dir, await change(dir));
    expect(after.renewed).toBe(true);
    expect(await readFile(after.certFile, 'utf8')).not.toBe(old);
  }),
);
