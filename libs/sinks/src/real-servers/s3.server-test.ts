import { gunzipSync } from 'node:zlib';
import { type S3Server, s3ForTest } from '@jspolicy/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { inTime, sinkEvent, sinkEvents } from '../events.test-part.ts';
import { RefusedError } from '../index.ts';
import { withSink } from './opened.test-part.ts';

let server: S3Server;
const settings = (more: object = {}) => ({
  endpoint: server.endpoint,
  region: server.region,
  bucket: 'violations',
  accessKeyIdSecret: server.accessKeyId,
  secretAccessKeySecret: server.secretAccessKey,
  ...more,
});

beforeAll(async () => {
  server = await s3ForTest({ buckets: ['violations', 'zipped', 'guarded'] });
});
afterAll(() => server?.stop());

test('versitygw has each batch once, below its hour, also when it is written again', async () => {
  const events = sinkEvents(200);
  const later = sinkEvent(201);
  later.event.time = '2026-01-02T04:00:00.000Z';
  await withSink('s3', settings(), async (sink) => {
    for (let i = 0; i < 2; i++) expect(await sink.write([...events, later], inTime())).toEqual([]);
  });
  const objects = await server.objects('violations');
  expect([...objects.keys()].map((key) => key.replace(/-[0-9a-f]{16}\./, '-HASH.')).sort()).toEqual([
    'violations/2026/01/02/03/0000000000000001-HASH.ndjson',
    'violations/2026/01/02/04/0000000000000201-HASH.ndjson',
  ]);
  const lines = [...objects].sort().map(([, body]) => body.toString());
  expect(lines.join('')).toBe([...events, later].map(({ json }) => `${json}\n`).join(''));
});

test('versitygw has what was compressed', async () => {
  const events = sinkEvents(3);
  const prefix = 'cluster=one/';
  await withSink('s3', settings({ bucket: 'zipped', compression: 'gzip', prefix }), (sink) =>
    sink.write(events, inTime()),
  );
  const [[key, body] = ['', Buffer.alloc(0)]] = await server.objects('zipped');
  expect(key).toMatch(/^cluster=one\/2026\/01\/02\/03\/.*\.ndjson\.gz$/);
  expect(gunzipSync(body).toString()).toBe(events.map(({ json }) => `${json}\n`).join(''));
});

test.each([
  ['secret key', { secretAccessKeySecret: 'another' }],
  ['access key', { accessKeyIdSecret: 'NOBODY' }],
  ['region', { region: 'us-west-2' }],
])('versitygw takes nothing that is signed with another %s, and it is tried again', async (_name, wrong) => {
  await withSink('s3', settings({ bucket: 'guarded', ...wrong }), async (sink) => {
    const error = await sink.write(sinkEvents(1), inTime()).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toBeInstanceOf(RefusedError);
  });
  expect(await server.objects('guarded')).toEqual(new Map());
});

test('a bucket that is not there is tried again', async () => {
  await withSink('s3', settings({ bucket: 'missing' }), async (sink) => {
    const error = await sink.write(sinkEvents(1), inTime()).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ message: expect.stringContaining('404') });
    expect(error).not.toBeInstanceOf(RefusedError);
  });
});
