import { once } from 'node:events';
import { connect } from 'node:net';
import { waitFor } from '@jspolicy/testing';
import { beforeAll, expect, test } from 'vitest';
import { findHelm, findObject, renderChart } from './helm.ts';
import { type ThreeServers, threeServers } from './three-servers.ts';

/** Three times what the chart's settings come to, and half of what a server takes by itself. */
const SILENT_MS = 45_000;

beforeAll(findHelm);

/** What the chart says of pings. */
async function pings(): Promise<string> {
  const { data } = findObject(await renderChart(), 'ConfigMap', 'jspolicy-nats') as unknown as {
    data: { 'nats.conf': string };
  };
  return data['nats.conf'].match(/^ *ping_.*$/gm)?.join('\n') ?? '';
}

/** The servers that the first one has routes to. */
async function neighbours({ ask }: ThreeServers): Promise<string[]> {
  const { routes } = (await (await ask('/routez')).json()) as { routes: { remote_name: string }[] };
  return [...new Set(routes.map(({ remote_name }) => remote_name))].sort();
}

test('a server of NATS that closes nothing and says nothing is dropped by the others', async () => {
  const servers = await threeServers(await pings());
  const has = (...names: string[]) =>
    waitFor(async () => `${await neighbours(servers)}` === `${names}`, {
      what: `routes to ${names} alone`,
      timeoutMs: SILENT_MS,
    });
  await has('server-1', 'server-2');
  servers.freeze(1);
  await has('server-2');
});

test('a client of NATS that closes nothing and says nothing is dropped', async () => {
  const { port } = await threeServers(await pings());
  const client = connect(port(0), '127.0.0.1').setEncoding('utf8');
  let said = '';
  client.on('data', (text) => {
    said += text;
  });
  client.write('CONNECT {"verbose":false}\r\n');
  await once(client, 'end', { signal: AbortSignal.timeout(SILENT_MS) });
  expect(said).toContain("-ERR 'Stale Connection'");
});
