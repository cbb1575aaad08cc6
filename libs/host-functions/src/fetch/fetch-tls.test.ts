import { readFile } from 'node:fs/promises';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { type KubeApiServer, kubeForTest } from '@jspolicy/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { testFunctions } from '../host-functions.test-part.ts';
import { Fetcher } from './fetcher.ts';

let kube: KubeApiServer;
let fetcher: Fetcher;

beforeAll(async () => {
  // A server with a certificate of a CA that nobody knows.
  kube = await kubeForTest();
  fetcher = new Fetcher([new URL(kube.url).host]);
});
afterAll(async () => {
  fetcher?.close();
  await kube?.stop();
});

test('a server is believed when its CA is known, or with `insecure`', async () => {
  const { call, failure } = testFunctions({ fetcher });
  const url = `${kube.url}/version`;
  const distrusted = /^FetchSync: Get ".*\/version": tls: the certificate is not trusted: /;
  expect(await failure('fetchSync', url)).toMatch(distrusted);
  expect(await call('fetchSync', url, { insecure: true })).toMatchObject({ status: 200, ok: true });
  // The connection that was made insecurely is kept, and serves nobody else.
  expect(await failure('fetchSync', url, { insecure: false })).toMatch(distrusted);
  const known = getCACertificates();
  setDefaultCACertificates([...known, await readFile(kube.caFile, 'utf8')]);
  try {
    expect(await call('fetchSync', url)).toMatchObject({ status: 200, ok: true });
  } finally {
    setDefaultCACertificates(known);
  }
});
