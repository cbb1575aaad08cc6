import { writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { ensureCertificates } from '@jspolicy/certificates';
import { createLogger } from '@jspolicy/runtime';
import { natsForTest, type TempDir, type TestNats, tempDir, waitFor } from '@jspolicy/testing';
import { nkeys } from '@nats-io/nats-core';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { BusConfig } from './bus-settings.ts';
import { type Bus, connectBus } from './index.ts';
import { operatorFor } from './operator.test-part.ts';

let dir: TempDir;
let nats: TestNats | undefined;
let bus: Bus | undefined;

beforeEach(async () => {
  dir = await tempDir();
});
afterEach(async () => {
  await bus?.close();
  bus = undefined;
  await nats?.stop();
  nats = undefined;
  await dir.remove();
});

const silent = createLogger({ service: 'test', level: 'silent' });
const inFile = async (name: string, content: string | Uint8Array): Promise<string> => {
  await writeFile(join(dir.path, name), content);
  return join(dir.path, name);
};
const connected = async (security: Partial<BusConfig>, servers = nats?.url ?? ''): Promise<Bus> => {
  bus = await connectBus({ servers, security, name: 'test', log: silent });
  return bus;
};
/** What the server or the client says, when one is not let in. */
const refused = async (security: Partial<BusConfig>, servers = nats?.url ?? ''): Promise<string> => {
  const signal = AbortSignal.abort();
  return connectBus({ servers, security, name: 'test', log: silent, signal }).then(
    () => 'let in',
    (error: Error) => error.message,
  );
};

const certificates = () =>
  ensureCertificates(join(dir.path, 'tls'), { dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] });

test('a user and a password', async () => {
  nats = await natsForTest({ config: 'authorization { user: "me", password: "p" }' });
  expect(await refused({})).toMatch(/authorization violation/i);
  expect(await refused({ natsUser: 'me', natsPassword: 'wrong' })).toMatch(/authorization violation/i);
  expect((await connected({ natsUser: 'me', natsPassword: 'p' })).connected).toBe(true);
});

/** A port that leads to the server, for so many connections; the others are cut off. */
async function forwarded(url: string, connections: number) {
  let left = connections;
  const forward = createServer((client) => {
    if (left-- <= 0) return void client.resetAndDestroy();
    const server = connect(Number(new URL(url).port), '127.0.0.1');
    client.on('error', () => server.destroy()).pipe(server);
    server.on('error', () => client.destroy()).pipe(client);
  });
  await new Promise<void>((done) => forward.listen(0, '127.0.0.1', done));
  const { port } = forward.address() as AddressInfo;
  return { url: `nats://127.0.0.1:${port}`, end: () => forward.close(), isUsedUp: () => left < 0 };
}

test('a refusal stays the reason where a forwarded port is gone with it', async () => {
  nats = await natsForTest({ config: 'authorization { user: "me", password: "p" }' });
  const forward = await forwarded(nats.url, 1);
  const giveUp = new AbortController();
  const security = { natsUser: 'me', natsPassword: 'wrong' };
  const trying = connectBus({ servers: forward.url, security, name: 'test', log: silent, signal: giveUp.signal });
  const said = trying.catch((error: Error) => error.message);
  await waitFor(forward.isUsedUp, { what: 'another attempt' });
  giveUp.abort();
  expect(await said).toMatch(/authorization violation/i);
  forward.end();
});

test('a connection that is cut off is told with what may be the cause', async () => {
  nats = await natsForTest({});
  const forward = await forwarded(nats.url, 0);
  expect(await refused({}, forward.url)).toMatch(
    /ECONNRESET.*: the server, or what lies between, cut the connection off\..*NATS_PASSWORD/,
  );
  forward.end();
});

test('a token', async () => {
  nats = await natsForTest({ config: 'authorization { token: "t" }' });
  expect(await refused({ natsToken: 'wrong' })).toMatch(/authorization violation/i);
  expect((await connected({ natsToken: 't' })).connected).toBe(true);
});

test('an NKEY, whose file may end with a line end', async () => {
  const user = nkeys.createUser();
  nats = await natsForTest({ config: `authorization { users: [ { nkey: "${user.getPublicKey()}" } ] }` });
  const other = await inFile('other', nkeys.createUser().getSeed());
  expect(await refused({ natsNkeyFile: other })).toMatch(/authorization violation/i);
  const seed = await inFile('seed', `${new TextDecoder().decode(user.getSeed())}\n`);
  expect((await connected({ natsNkeyFile: seed })).connected).toBe(true);
});

test('a credentials file', async () => {
  const { config, credentials } = operatorFor('me');
  nats = await natsForTest({ config });
  expect(await refused({})).toMatch(/authorization violation/i);
  expect((await connected({ natsCredsFile: await inFile('creds', credentials) })).connected).toBe(true);
});

test('TLS by an authority of its own, again after an outage', async () => {
  const { caFile, certFile, keyFile } = await certificates();
  const files = `cert_file: "${certFile}", key_file: "${keyFile}"`;
  nats = await natsForTest({ config: `tls { ${files} }` });
  expect(await refused({})).toMatch(/certificate/i);
  const over = nats.url.replace('nats://', 'tls://');
  const security = { natsCaFile: caFile, natsCertFile: certFile, natsKeyFile: keyFile };
  expect((await connected(security, over)).connected).toBe(true);
  await nats.restart();
  await waitFor(() => bus?.away === undefined, { what: 'the connection to be back' });
});

test('who insists on TLS is not content with a server that has none', async () => {
  nats = await natsForTest();
  const { caFile } = await certificates();
  expect(await refused({ natsCaFile: caFile })).toMatch(/tls/i);
  expect(await refused({}, nats.url.replace('nats://', 'tls://'))).toMatch(/tls/i);
});

test('why one does not get in is logged while it waits', async () => {
  nats = await natsForTest({ config: 'authorization { user: "me", password: "p" }' });
  const password = { natsUser: 'me', natsPassword: 'wrong' };
  const told: string[] = [];
  const log = Object.assign(createLogger({ service: 'test', level: 'silent' }), {
    warn: (about: { why: string }, text: string) => told.push(`${text}: ${about.why}`),
  });
  const giveUp = new AbortController();
  const connecting = connectBus({ servers: nats.url, security: password, name: 'test', log, signal: giveUp.signal });
  const failure = connecting.catch((error: Error) => error.message);
  await waitFor(() => told.length > 0, { what: 'the reason to be told' });
  giveUp.abort();
  expect(told[0]).toMatch(/waiting for NATS: .*authorization violation/i);
  expect(await failure).toMatch(/authorization violation/i);
});

test('an outage has a beginning, and credentials that nobody can read any more end the connection for good', async () => {
  const user = nkeys.createUser();
  nats = await natsForTest({ config: `authorization { users: [ { nkey: "${user.getPublicKey()}" } ] }` });
  const natsNkeyFile = await inFile('seed', user.getSeed());
  const given: Error[] = [];
  const onGivenUp = (error: Error) => given.push(error);
  bus = await connectBus({ servers: nats.url, security: { natsNkeyFile }, name: 'test', log: silent, onGivenUp });
  expect(bus.away).toBeUndefined();
  const before = Date.now();
  nats.kill('SIGKILL');
  const away = await waitFor(() => bus?.away, { what: 'the outage' });
  expect(away.since.getTime()).toBeGreaterThanOrEqual(before);
  await writeFile(natsNkeyFile, 'no seed');
  await nats.restart();
  await waitFor(() => given.length > 0, { what: 'the connection to be given up' });
  expect(given[0]?.message).toMatch(/^the connection to NATS was given up: /);
  expect(bus.connected).toBe(false);
});
