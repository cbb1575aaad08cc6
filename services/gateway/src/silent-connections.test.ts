import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { createCertificates } from '@jspolicy/certificates';
import { createLogger } from '@jspolicy/runtime';
import { waitFor } from '@jspolicy/testing';
import { expect, test } from 'vitest';
import { BodyBudget } from './body-budget.ts';
import { createServer } from './server.ts';

const served = async (handle: () => Promise<{ status: number; body: Buffer }>) => {
  const certificate = await createCertificates({ dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] });
  const server = createServer({
    ...certificate,
    handler: { handle },
    log: createLogger({ service: 'test', level: 'silent' }),
    onAnswer: () => undefined,
    bodies: new BodyBudget(1024 * 1024, () => undefined),
    isEnding: () => true,
  });
  await server.listen({ host: '127.0.0.1', port: 0 });
  // Node itself ends none of them while the test runs.
  Object.assign(server.server, { requestTimeout: 0, headersTimeout: 0 });
  const { port } = server.server.address() as AddressInfo;
  return { server, port, ca: certificate.ca };
};

test('connections without a request, or a handshake, do not hold up the end; one with a request is answered first', async () => {
  const answer = Promise.withResolvers<{ status: number; body: Buffer }>();
  let asked = false;
  const { server, port, ca } = await served(() => {
    asked = true;
    return answer.promise;
  });
  const plain = connectTcp({ host: '127.0.0.1', port });
  await once(plain, 'connect');
  const [silent, busy] = [connectTls({ host: '127.0.0.1', port, ca }), connectTls({ host: '127.0.0.1', port, ca })];
  await Promise.all([once(silent, 'secureConnect'), once(busy, 'secureConnect')]);
  let text = '';
  busy.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const head = ['POST /policy/a.b.c HTTP/1.1', 'Host: a', 'Content-Type: application/json', 'Content-Length: 2'];
  busy.write(`${head.join('\r\n')}\r\n\r\n{}`);
  await waitFor(() => asked, { what: 'the request to be in the middle' });
  let isClosed = false;
  const closing = server.close().then(() => {
    isClosed = true;
  });
  for (const socket of [plain, silent]) socket.on('error', () => undefined).resume();
  await waitFor(() => plain.closed && silent.closed, { what: 'the silent ones to be ended' });
  expect(isClosed).toBe(false);
  answer.resolve({ status: 200, body: Buffer.from('judged') });
  await waitFor(() => isClosed, { what: 'the server to be closed' });
  expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*judged$/);
  await closing;
  busy.destroy();
});
