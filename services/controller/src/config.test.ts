import { expect, test } from 'vitest';
import { readConfig } from './config.ts';

test.each(['', 'https://127.0.0.1:9', 'https://gateway.example/jspolicy/'])('WEBHOOK_URL %j is taken', (webhookUrl) => {
  expect(readConfig({ WEBHOOK_URL: webhookUrl })).toMatchObject({ webhookUrl });
});

test.each([
  ['https://me:secret@gateway.example', /WEBHOOK_URL must not hold credentials/],
  ['https://secret@gateway.example', /WEBHOOK_URL must not hold credentials/],
  ['https://gateway.example/?token=secret', /WEBHOOK_URL must end with its path/],
  ['me:secret@gateway.example', /WEBHOOK_URL is no URL/],
  ['//me:secret@gateway.example', /WEBHOOK_URL is no URL/],
])('WEBHOOK_URL %s is a problem that does not repeat it', (url, problem) => {
  const read = () => readConfig({ WEBHOOK_URL: url });
  expect(read).toThrow(problem);
  expect(read).not.toThrow(/secret/);
});

test('namespaces that are exempt are names, and nothing else gets into the match conditions', () => {
  expect(readConfig({ EXEMPT_NAMESPACES: 'kube-node-lease, a1' }).exemptNamespaces).toEqual(['kube-node-lease', 'a1']);
  expect(() => readConfig({ EXEMPT_NAMESPACES: "a'] || true" })).toThrow(
    `EXEMPT_NAMESPACES: "a'] || true" is no name of a namespace`,
  );
});
