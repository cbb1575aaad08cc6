import { loadConfig } from '@jspolicy/runtime';
import { expect, test } from 'vitest';
import { busProblems, busSettings } from './bus-settings.ts';

const load = (env: Record<string, string>) => loadConfig(busSettings, env, busProblems);

test.each(['nats://a:4222', 'tls://a, tls://b:5222', 'localhost', 'nats://[::1]:4222'])('%s is taken', (natsUrl) => {
  expect(load({ NATS_URL: natsUrl })).toMatchObject({ natsUrl });
});

test.each([
  [{ NATS_URL: 'http://a' }, /NATS_URL must be URLs/],
  [{ NATS_URL: ' , ' }, /NATS_URL names no server/],
  [{ NATS_URL: 'nats://me:secret@a' }, /NATS_URL must not hold credentials/],
  [{ NATS_CA_FILE: '/no/such' }, /NATS_CA_FILE cannot be read: ENOENT/],
  [{ NATS_USER: 'me' }, /NATS_PASSWORD is required with NATS_USER/],
  [{ NATS_PASSWORD: 'secret' }, /NATS_USER is required with NATS_PASSWORD/],
  [{ NATS_CERT_FILE: import.meta.filename }, /NATS_KEY_FILE is required with NATS_CERT_FILE/],
  [{ NATS_KEY_FILE: import.meta.filename }, /NATS_CERT_FILE is required with NATS_KEY_FILE/],
  [
    { NATS_USER: 'me', NATS_PASSWORD: 'secret', NATS_TOKEN: 't', NATS_NKEY_FILE: import.meta.filename },
    /NATS_NKEY_FILE and NATS_USER and NATS_TOKEN exclude each other/,
  ],
])('%j is a problem', (env, problem) => {
  expect(() => load(env as Record<string, string>)).toThrow(problem);
});

test('no problem repeats a secret', () => {
  let text = '';
  try {
    load({ NATS_URL: 'nats://me:secret@a', NATS_TOKEN: 'secret', NATS_PASSWORD: 'secret' });
  } catch (error) {
    text = String(error);
  }
  expect(text).toContain('NATS_URL');
  expect(text).not.toContain('secret');
});
