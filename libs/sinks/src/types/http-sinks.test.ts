import { createHash, createHmac } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import type { SinkTypeName } from '@jspolicy/contracts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { contextFor, inTime, sinkEvent, sinkEvents } from '../events.test-part.ts';
import { HttpServerForTest, type Seen } from '../http-server.test-part.ts';
import { AnsweredError, openSink, RefusedError, SINKS, type Sink } from '../index.ts';
import { filledSettings } from '../sink-settings.ts';

let server: HttpServerForTest;
const open: Sink[] = [];
beforeEach(async () => {
  server = await new HttpServerForTest().start();
});
afterEach(async () => {
  for (const sink of open.splice(0)) await sink.close();
  await server.stop();
});

/** Secrets stand in the settings in plain here. */
async function opened(type: SinkTypeName, settings: Record<string, unknown>): Promise<Sink> {
  const plain = async (value: unknown) => String(value);
  const sink = await openSink(type, await filledSettings(SINKS[type].fields, settings, plain), contextFor());
  open.push(sink);
  return sink;
}

describe('against a server of the test that follows the documented protocol:', () => {
  test('slack gets text in which nothing from outside has a meaning', async () => {
    const sink = await opened('slack', { urlSecret: `${server.url}/services/T/B/x`, channel: '#policies' });
    await sink.write([sinkEvent(1, { message: 'see <!channel> & <https://x|y>' })], inTime());
    const text =
      '*no-latest.example.com denied: CREATE Pod shop/web by alice*\n>see &lt;!channel&gt; &amp; &lt;https://x|y&gt;';
    expect(server.bodies).toEqual([{ text, channel: '#policies' }]);
    expect(server.seen[0]?.path).toBe('/services/T/B/x');
  });

  test('teams gets an adaptive card', async () => {
    const sink = await opened('teams', { urlSecret: server.url });
    await sink.write(sinkEvents(2), inTime());
    const [body] = server.bodies as { type: string; attachments: { content: { body: { text: string }[] } }[] }[];
    expect(body?.type).toBe('message');
    expect(body?.attachments[0]?.content.body.map(({ text }) => text)).toEqual([
      'no-latest.example.com denied: CREATE Pod shop/web by alice',
      'violation 1',
      'no-latest.example.com denied: CREATE Pod shop/web by alice',
      'violation 2',
    ]);
  });

  test('loki gets streams by policy and action', async () => {
    const sink = await opened('loki', { url: server.url, tenant: 'blue' });
    const events = [sinkEvent(1), sinkEvent(2, { action: 'Warn' }), sinkEvent(3)];
    await sink.write(events, inTime());
    expect(server.seen[0]).toMatchObject({ path: '/loki/api/v1/push', headers: { 'x-scope-orgid': 'blue' } });
    const policy = 'no-latest.example.com';
    const nanos = '1767323045678000000';
    expect(server.bodies).toEqual([
      {
        streams: [
          {
            stream: { job: 'jspolicy', policy, action: 'Deny' },
            values: [
              [nanos, events[0]?.json],
              [nanos, events[2]?.json],
            ],
          },
          { stream: { job: 'jspolicy', policy, action: 'Warn' }, values: [[nanos, events[1]?.json]] },
        ],
      },
    ]);
  });

  test('elasticsearch: what is there already is taken, what does not fit is refused, alone', async () => {
    const statuses = [201, 409, 400];
    server.answer = () => ({
      status: 200,
      body: JSON.stringify({
        errors: true,
        items: statuses.map((status) => ({
          create: { status, ...(status > 300 && { error: { type: 'some_exception', reason: 'why' } }) },
        })),
      }),
    });
    const sink = await opened('elasticsearch', { url: `${server.url}/es/`, username: 'a', passwordSecret: 'b' });
    const events = sinkEvents(3);
    expect(await sink.write(events, inTime())).toEqual([
      { sequence: 3, reason: 'the server answered 400 for this event: some_exception why' },
    ]);
    const [{ path, headers, body } = {} as Seen] = server.seen;
    expect([path, headers['content-type'], headers.authorization]).toEqual([
      '/es/_bulk',
      'application/x-ndjson',
      'Basic YTpi',
    ]);
    const lines = body.toString().trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line)).slice(0, 2)).toEqual([
      { create: { _index: 'jspolicy-violations-2026-01-02', _id: events[0]?.event.id } },
      { '@timestamp': '2026-01-02T03:04:05.678Z', ...events[0]?.event },
    ]);
  });

  test('elasticsearch: a part that the server has no room for is tried again', async () => {
    const items = [{ create: { status: 201 } }, { create: { status: 429, error: { type: 'es_rejected' } } }];
    server.answer = () => ({ status: 200, body: JSON.stringify({ errors: true, items }) });
    const sink = await opened('elasticsearch', { url: server.url });
    const error = await sink.write(sinkEvents(2), inTime()).catch((thrown: unknown) => thrown);
    expect(error).toEqual(new AnsweredError('the server answered 429 for this event: es_rejected'));
  });

  test.each(['{}', '[]', '<html></html>', '', '{"errors":false,"items":[{"create":{"status":201}}]}', 'null'])(
    'elasticsearch: 200 with %j does not count for two events',
    async (body) => {
      server.answer = () => ({ status: 200, body });
      const sink = await opened('elasticsearch', { url: server.url });
      const written = sink.write(sinkEvents(2), inTime());
      await expect(written).rejects.toThrow("the server's answer is none of _bulk for 2 events");
    },
  );

  test('elasticsearch: an item is looked at, whatever the answer as a whole says', async () => {
    const items = [{ create: { status: 201 } }, {}];
    server.answer = () => ({ status: 200, body: JSON.stringify({ errors: false, items }) });
    const sink = await opened('elasticsearch', { url: server.url });
    await expect(sink.write(sinkEvents(2), inTime())).rejects.toThrow('the server answered 0 for this event');
  });

  test.each(['<html></html>', '"ok"', '[]'])('otlp: 200 with %j does not count', async (body) => {
    server.answer = () => ({ status: 200, body });
    const sink = await opened('otlp', { endpoint: server.url });
    await expect(sink.write(sinkEvents(1), inTime())).rejects.toThrow("the server's answer is none of OTLP in JSON");
  });

  test('otlp gets log records', async () => {
    const sink = await opened('otlp', { endpoint: `${server.url}/`, resource: { 'k8s.cluster.name': 'blue' } });
    await sink.write(sinkEvents(1), inTime());
    expect(server.seen[0]?.path).toBe('/v1/logs');
    const [body] = server.bodies as { resourceLogs: { resource: object; scopeLogs: { logRecords: object[] }[] }[] }[];
    const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });
    expect(body?.resourceLogs[0]?.resource).toEqual({
      attributes: [
        text('service.name', 'jspolicy'),
        text('jspolicy.cluster', '/clusters/test'),
        text('k8s.cluster.name', 'blue'),
      ],
    });
    expect(body?.resourceLogs[0]?.scopeLogs[0]?.logRecords[0]).toMatchObject({
      timeUnixNano: '1767323045678000000',
      severityNumber: 13,
      severityText: 'WARN',
      eventName: 'com.jspolicy.policy.violation.v1',
      body: { stringValue: 'violation 1' },
      attributes: expect.arrayContaining([
        text('jspolicy.policy', 'no-latest.example.com'),
        text('jspolicy.code', '403'),
      ]),
    });
  });

  test('otlp: records that the collector refused are refused', async () => {
    server.answer = () => ({
      status: 200,
      body: '{"partialSuccess":{"rejectedLogRecords":"1","errorMessage":"too old"}}',
    });
    const sink = await opened('otlp', { endpoint: server.url });
    await expect(sink.write(sinkEvents(1), inTime())).rejects.toThrow(
      new RefusedError('the server refused 1 records: too old'),
    );
  });

  const s3Settings = () => ({
    endpoint: server.url,
    region: 'eu-central-1',
    bucket: 'violations',
    accessKeyIdSecret: 'AKID\n',
    secretAccessKeySecret: 'topsecret\n',
  });

  test('s3: signed objects below their hour, under the same names when they are written again', async () => {
    const sink = await opened('s3', s3Settings());
    const events = sinkEvents(3);
    for (let i = 0; i < 2; i++) await sink.write(events, inTime());
    const [first, second] = server.seen;
    expect(first?.method).toBe('PUT');
    expect(first?.path).toMatch(/^\/violations\/violations\/2026\/01\/02\/03\/0{15}1-[0-9a-f]{16}\.ndjson$/);
    expect(second?.path).toBe(first?.path);
    expect(first?.body.toString()).toBe(events.map(({ json }) => `${json}\n`).join(''));
    expect(first?.headers.authorization).toBe(signatureOf(first!, 'topsecret', 'eu-central-1'));
  });

  test('s3: an answer of 400 is about the configuration, so it is tried again', async () => {
    server.answer = () => ({ status: 400, body: '<Code>ExpiredToken</Code>' });
    const sink = await opened('s3', s3Settings());
    const error = await sink.write(sinkEvents(1), inTime()).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ message: expect.stringContaining('ExpiredToken') });
    expect(error).not.toBeInstanceOf(RefusedError);
  });

  test('s3: gzip', async () => {
    const sink = await opened('s3', { ...s3Settings(), compression: 'gzip', prefix: '' });
    const events = sinkEvents(2);
    await sink.write(events, inTime());
    expect(server.seen[0]?.path).toMatch(/\.ndjson\.gz$/);
    expect(gunzipSync(server.seen[0]!.body).toString()).toBe(events.map(({ json }) => `${json}\n`).join(''));
  });
});

/** Signature version 4 as it is documented, of what the server got. */
function signatureOf({ method, path, headers, body }: Seen, secret: string, region: string): string {
  const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');
  const hmac = (key: string | Buffer, data: string) => createHmac('sha256', key).update(data).digest();
  const date = String(headers['x-amz-date']);
  const scope = `${date.slice(0, 8)}/${region}/s3/aws4_request`;
  const signed = /SignedHeaders=([^,]+)/.exec(String(headers.authorization))?.[1] ?? '';
  const canonicalHeaders = signed.split(';').map((name) => `${name}:${headers[name]}\n`);
  const hash = sha256(body);
  expect(headers['x-amz-content-sha256']).toBe(hash);
  const canonical = [method, path, '', canonicalHeaders.join(''), signed, hash].join('\n');
  const text = `AWS4-HMAC-SHA256\n${date}\n${scope}\n${sha256(canonical)}`;
  const key = scope.split('/').reduce<string | Buffer>(hmac, `AWS4${secret}`);
  const signature = hmac(key, text).toString('hex');
  return `AWS4-HMAC-SHA256 Credential=AKID/${scope}, SignedHeaders=${signed}, Signature=${signature}`;
}
