import { createHmac } from 'node:crypto';
import { createCertificates } from '@jspolicy/certificates';
import { AddressSet, LOOPBACK } from '@jspolicy/runtime';
import { afterEach, expect, test } from 'vitest';
import { contextFor, inTime, sinkEvents } from '../events.test-part.ts';
import { HttpServerForTest } from '../http-server.test-part.ts';
import { AnsweredError, BusyError, openSink, RefusedError, type Sink } from '../index.ts';

const open: { close?(): Promise<void>; stop?(): Promise<void> }[] = [];
const opened = async (settings: Record<string, unknown>): Promise<Sink> => {
  const sink = await openSink('webhook', settings, contextFor());
  open.push(sink);
  return sink;
};
const served = async (tls?: object) => {
  const server = await new HttpServerForTest(tls).start();
  open.push(server);
  return server;
};
afterEach(async () => {
  for (const each of open.splice(0)) await (each.close ?? each.stop)?.call(each);
});

test('structured mode: one event in a request, with headers and a bearer token', async () => {
  const server = await served();
  const headers = { 'X-Team': 'blue' };
  const sink = await opened({ url: `${server.url}/in`, mode: 'structured', headers, bearerTokenSecret: 'abc\n' });
  expect(sink.maxEvents).toBe(1);
  const [event] = sinkEvents(1);
  await sink.write([event!], inTime());
  expect(server.bodies).toEqual([event?.event]);
  expect(server.seen[0]).toMatchObject({
    method: 'POST',
    path: '/in',
    headers: {
      'content-type': 'application/cloudevents+json; charset=utf-8',
      'x-team': 'blue',
      authorization: 'Bearer abc',
    },
  });
});

test('batched mode: several events in a request', async () => {
  const server = await served();
  const sink = await opened({ url: server.url, mode: 'batched' });
  const events = sinkEvents(3);
  await sink.write(events, inTime());
  expect(server.bodies).toEqual([events.map(({ event }) => event)]);
  expect(server.seen[0]?.headers['content-type']).toBe('application/cloudevents-batch+json; charset=utf-8');
});

test('a signature of Standard Webhooks, with an id that stays the same', async () => {
  const server = await served();
  const key = Buffer.alloc(32, 7);
  const sink = await opened({ url: server.url, mode: 'batched', signingSecret: `whsec_${key.toString('base64')}` });
  for (let i = 0; i < 2; i++) await sink.write(sinkEvents(2), inTime());
  const [first, second] = server.seen;
  const id = first?.headers['webhook-id'];
  const signed = `${id}.${first?.headers['webhook-timestamp']}.${first?.body}`;
  const wanted = createHmac('sha256', key).update(signed).digest('base64');
  expect(first?.headers['webhook-signature']).toBe(`v1,${wanted}`);
  expect(second?.headers['webhook-id']).toBe(id);
});

test('a client certificate, and a server that is known by its authority alone', async () => {
  const [ours, theirs] = await Promise.all([
    createCertificates({ dnsNames: ['client'], ipAddresses: [] }),
    createCertificates({ dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] }),
  ]);
  const tls = { cert: theirs.cert, key: theirs.key, requestCert: true, rejectUnauthorized: false };
  const server = await served(tls);
  const client = { clientCertificateSecret: ours.cert, clientKeySecret: ours.key };
  const sink = await opened({ url: server.url, mode: 'batched', caSecret: theirs.ca, ...client });
  await sink.write(sinkEvents(1), inTime());
  expect(server.seen.map(({ client }) => client)).toEqual(['client']);
  const unknown = await opened({ url: server.url, mode: 'batched', ...client });
  await expect(unknown.write(sinkEvents(1), inTime())).rejects.toThrow(/certificate/);
});

test.each([400, 413, 422])('%i is refused for good', async (status) => {
  const server = await served();
  server.answer = () => ({ status, body: 'no\nthanks' });
  const sink = await opened({ url: server.url, mode: 'batched' });
  const writing = sink.write(sinkEvents(1), inTime());
  await expect(writing).rejects.toThrow(new RefusedError(`the server answered ${status}: no thanks`));
});

test.each([302, 401, 403, 404, 429, 500, 503])('%i is tried again', async (status) => {
  const server = await served();
  server.answer = () => ({ status, headers: { location: `${server.url}/elsewhere` } });
  const sink = await opened({ url: server.url, mode: 'batched' });
  const error = await sink.write(sinkEvents(1), inTime()).catch((thrown: unknown) => thrown);
  expect(error).toEqual(new AnsweredError(`the server answered ${status}`));
  // Nobody was asked behind a redirect.
  expect(server.seen).toHaveLength(1);
});

test.each([
  ['7', 7_000],
  ['3000000', 300_000],
  ['Fri, 31 Dec 9999 23:59:59 GMT', 300_000],
])('a server that asks for %s s gets it, five minutes at most', async (asked, wantedMs) => {
  const server = await served();
  server.answer = () => ({ status: 429, headers: { 'retry-after': asked } });
  const sink = await opened({ url: server.url, mode: 'batched' });
  const error = await sink.write(sinkEvents(1), inTime()).catch((thrown: unknown) => thrown);
  expect(error).toEqual(new BusyError('the server answered 429', wantedMs));
});

test('a server that hangs is left when the signal says so', async () => {
  const server = await served();
  const limit = new AbortController();
  server.answer = () => {
    limit.abort();
    return { status: 200 };
  };
  const sink = await opened({ url: server.url, mode: 'batched' });
  await expect(sink.write(sinkEvents(1), limit.signal)).rejects.toThrow(/abort/);
});

test.each([['Thu, 01 Jan 1970 00:00:00 GMT'], ['-7'], ['soon'], ['0x10']])(
  'a server that asks for %j is asked again as usual',
  async (asked) => {
    const server = await served();
    server.answer = () => ({ status: 429, headers: { 'retry-after': asked } });
    const sink = await opened({ url: server.url, mode: 'batched' });
    const error = await sink.write(sinkEvents(1), inTime()).catch((thrown: unknown) => thrown);
    expect(error).not.toBeInstanceOf(BusyError);
  },
);

test('headers of the settings come along, and what the request is made of stays', async () => {
  const server = await served();
  const headers = { 'X-Team': 'a', 'Webhook-Id': 'forged', 'CONTENT-TYPE': 'text/plain' };
  const signingSecret = `whsec_${Buffer.alloc(32).toString('base64')}`;
  const sink = await opened({
    url: server.url,
    mode: 'batched',
    headers,
    secretHeaders: { 'X-Key': 'k\n' },
    signingSecret,
  });
  await sink.write(sinkEvents(1), inTime());
  const [{ headers: seen } = {}] = server.seen;
  expect(seen).toMatchObject({ 'x-team': 'a', 'x-key': 'k', 'webhook-id': sinkEvents(1)[0]?.event.id });
  expect(seen?.['content-type']).toBe('application/cloudevents-batch+json; charset=utf-8');
});

test.each(['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]'])(
  '%s is not connected to where it is refused',
  async (host) => {
    const server = await served();
    const url = server.url.replace('127.0.0.1', host);
    const context = contextFor({ refused: new AddressSet(LOOPBACK) });
    const sink = await openSink('webhook', { url, mode: 'batched' }, context);
    const writing = sink.write(sinkEvents(1), inTime());
    await expect(writing).rejects.toThrow(/sinks may not connect to: see SINK_REFUSED_ADDRESSES of audit$/);
    await sink.close();
    expect(server.seen).toEqual([]);
  },
);

test.each([
  ['nats', { url: 'nats://localhost:1', subject: 'a', jetStream: true }],
  ['kafka', { brokers: ['localhost:1'], topic: 't', tls: false }],
  ['syslog', { host: 'localhost', port: 1, tls: false }],
] as const)('neither is it by %s', async (type, settings) => {
  const opening = openSink(type, settings, contextFor({ refused: new AddressSet(LOOPBACK) }));
  await expect(opening).rejects.toThrow('sinks may not connect to');
});
