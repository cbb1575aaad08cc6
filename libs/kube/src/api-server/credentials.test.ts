import { writeFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import { join } from 'node:path';
import { type TempDir, tempDir } from '@jspolicy/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadCredentials } from './credentials.ts';

let dir: TempDir;
beforeEach(async () => {
  dir = await tempDir();
});
afterEach(() => dir.remove());

async function optionsFor(user: object, cluster: object = {}): Promise<RequestOptions> {
  const path = join(dir.path, 'config');
  const config = {
    'current-context': 'c',
    contexts: [{ name: 'c', context: { cluster: 'one', user: 'me' } }],
    clusters: [{ name: 'one', cluster: { server: 'https://cluster.example:6443/base/', ...cluster } }],
    users: [{ name: 'me', user }],
  };
  await writeFile(path, JSON.stringify(config));
  const credentials = await loadCredentials(path);
  expect(credentials.server.href).toBe('https://cluster.example:6443/base');
  const options: RequestOptions = { headers: { Accept: 'application/json' } };
  await credentials.apply(options);
  return options;
}

const base64 = (text: string) => Buffer.from(text).toString('base64');

test('tokens, passwords and impersonation become headers', async () => {
  const Accept = 'application/json';
  expect((await optionsFor({ token: 'abc\n' })).headers).toEqual({ Accept, Authorization: 'Bearer abc' });
  expect((await optionsFor({ username: 'u', password: 'p', as: 'x' })).headers).toEqual({
    Accept,
    Authorization: `Basic ${base64('u:p')}`,
    'Impersonate-User': 'x',
  });
});

test('certificates are read from files beside the kubeconfig, and from its data', async () => {
  await writeFile(join(dir.path, 'ca.pem'), 'CA');
  const user = { 'client-certificate-data': base64('CERT'), 'client-key-data': base64('KEY') };
  const options = await optionsFor(user, { 'certificate-authority': 'ca.pem', 'tls-server-name': 'other.example' });
  expect([options.ca, options.cert, options.key].map(String)).toEqual(['CA', 'CERT', 'KEY']);
  expect(options.servername).toBe('other.example');
  expect(options.rejectUnauthorized).toBeUndefined();
  expect((await optionsFor({}, { 'insecure-skip-tls-verify': true })).rejectUnauthorized).toBe(false);
});

test('a credential plugin is run', async () => {
  const credential = JSON.stringify({ kind: 'ExecCredential', status: { token: 'from-plugin' } });
  const exec = { command: process.execPath, args: ['-p', JSON.stringify(credential)] };
  expect((await optionsFor({ exec })).headers).toMatchObject({ Authorization: 'Bearer from-plugin' });
});

test('a proxy is honoured, with the whole client', async () => {
  const options = await optionsFor({ token: 'abc' }, { 'proxy-url': 'http://proxy.example:3128' });
  expect(options.agent).toMatchObject({ proxy: expect.objectContaining({ hostname: 'proxy.example' }) });
  expect(options.headers).toMatchObject({ Authorization: 'Bearer abc' });
});

test('a kubeconfig without a current context is told with its path', async () => {
  const path = join(dir.path, 'empty');
  await writeFile(path, 'kind: Config\n');
  await expect(loadCredentials(path)).rejects.toThrow(`${path}: no current context, or its cluster is missing`);
});
