import { type NatsServer, startNatsServer } from '@jspolicy/servers';
import { freePort, tempDir, waitFor } from '@jspolicy/testing';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { findHelm, type Rendered, renderChart } from './helm.ts';

type Probe = 'startupProbe' | 'readinessProbe' | 'livenessProbe';
type Container = Record<Probe, { httpGet: { path: string } }>;

const LEADER_MS = 120_000;

beforeAll(findHelm);

async function probes(): Promise<Record<Probe, string>> {
  const found = (await renderChart()).find(
    ({ kind, metadata }) => kind === 'StatefulSet' && metadata.name === 'jspolicy-nats',
  );
  const { template } = (found as Rendered)['spec'] as { template: { spec: { containers: Container[] } } };
  const container = template.spec.containers[0] as Container;
  const path = (probe: Probe) => container[probe].httpGet.path;
  return {
    startupProbe: path('startupProbe'),
    readinessProbe: path('readinessProbe'),
    livenessProbe: path('livenessProbe'),
  };
}

/** Three servers; they end with the test. */
async function servers() {
  const places = await Promise.all(
    [0, 1, 2].map(async (index) => ({ index, dir: await tempDir(), route: await freePort(), http: await freePort() })),
  );
  const routes = places.map(({ route }) => `nats://127.0.0.1:${route}`);
  const running: NatsServer[] = [];
  const start = async (index: number) => {
    const { dir, route, http } = places[index] as (typeof places)[number];
    const cluster = { name: 'test', listen: `127.0.0.1:${route}`, routes };
    const config = `server_name: "server-${index}"\nhttp: "127.0.0.1:${http}"\ncluster: ${JSON.stringify(cluster)}`;
    running[index] = await startNatsServer({ storeDir: dir.path, config });
  };
  const kill = async (index: number) => {
    running[index]?.kill('SIGKILL');
    await running[index]?.exited;
  };
  onTestFinished(async () => {
    await Promise.all(running.map((server) => server.stop()));
    await Promise.all(places.map(({ dir }) => dir.remove()));
  });
  await Promise.all(places.map(({ index }) => start(index)));
  return {
    start,
    kill,
    status: async (path: string) => (await fetch(`http://127.0.0.1:${places[0]?.http}${path}`)).status,
  };
}

test('a server of NATS that has no leader, since the others are lost, lives and is not ready', async () => {
  const paths = await probes();
  const { start, kill, status } = await servers();
  const ready = (wanted: number) => async () => (await status(paths.readinessProbe)) === wanted;
  await waitFor(ready(200), { what: 'a server that is ready', timeoutMs: LEADER_MS });
  await Promise.all([kill(1), kill(2)]);
  await waitFor(ready(503), { what: 'a server that is not ready', timeoutMs: LEADER_MS });
  expect(await status(paths.livenessProbe)).toBe(200);
  await kill(0);
  await start(0);
  const lives = async () => (await status(paths.startupProbe)) === 200;
  await waitFor(lives, { what: 'a server that has started', timeoutMs: LEADER_MS });
  expect([await status(paths.readinessProbe), await status(paths.livenessProbe)]).toEqual([503, 200]);
});
