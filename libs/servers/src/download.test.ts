import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { download } from './download.ts';
import { freePort } from './port.ts';

const CONTENT = 'the server';
const SUM = createHash('sha256').update(CONTENT).digest('hex');

let dir: string;
let server: Server;
let base: string;
let sums: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'jspolicy-servers-'));
  server = createServer((request, response) => {
    if (request.url === '/STOPS') response.write(SUM);
    else response.end(request.url === '/SUMS' ? sums : CONTENT);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await rm(dir, { recursive: true });
});

const get = () => download({ url: `${base}/etcd`, checksumsUrl: `${base}/SUMS` }, dir, () => {});

test.each([
  ['alone', () => SUM],
  ['in a list', () => `${'0'.repeat(64)}  other\n${SUM} *etcd\n`],
])('takes what its checksum vouches for: %s', async (_, list) => {
  sums = list();
  expect(await readFile(await get(), 'utf8')).toBe(CONTENT);
});

test('refuses what its checksum does not vouch for', async () => {
  sums = `${'0'.repeat(64)}  etcd\n`;
  await expect(get()).rejects.toMatchObject({ code: 'SERVER_DOWNLOAD_REFUSED', message: expect.stringContaining(SUM) });
});

test('asks for nothing that has no checksum', async () => {
  sums = `${SUM}  other\n`;
  await expect(get()).rejects.toThrow('/SUMS has no sha256 for etcd');
});

test('gives up checksums that stop in the middle', async () => {
  const stops = { url: `${base}/etcd`, checksumsUrl: `${base}/STOPS` };
  await expect(download(stops, dir, () => {})).rejects.toThrow('/STOPS: it said nothing for 5 s');
});

test('says which address could not be reached', async () => {
  const url = `http://127.0.0.1:${await freePort()}/etcd`;
  await expect(download({ url, checksumsUrl: `${url}.sha256` }, dir, () => {})).rejects.toThrow(
    /\.sha256: fetch failed: connect ECONNREFUSED/,
  );
});
