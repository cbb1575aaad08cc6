import { isIP } from 'node:net';
import { createCertificates } from '@jspolicy/certificates';
import { createLogger } from '@jspolicy/runtime';
import { expect, test } from 'vitest';
import { BodyBudget } from './body-budget.ts';
import { listenAddress } from './listen-address.ts';
import { createServer } from './server.ts';

test.each(['0.0.0.0', '127.0.0.1', '::'])('%s stays as it is', async (host) => {
  expect(await listenAddress(host)).toBe(host);
});

test('localhost is one address: all of it is served by the certificate that is swapped', async () => {
  const host = await listenAddress('localhost');
  expect(isIP(host)).toBeGreaterThan(0);
  const certificate = await createCertificates({ dnsNames: ['localhost'], ipAddresses: [] });
  const server = createServer({
    ...certificate,
    handler: { handle: async () => ({ status: 200, body: Buffer.from('') }) },
    log: createLogger({ service: 'test', level: 'silent' }),
    onAnswer: () => undefined,
    bodies: new BodyBudget(1024 * 1024, () => undefined),
    isEnding: () => false,
  });
  await server.listen({ host, port: 0 });
  expect(server.addresses().length).toBe(1);
  await server.close();
});
