import { waitFor } from '@jspolicy/testing';
import { beforeAll, expect, test } from 'vitest';
import { findHelm, type Rendered, renderChart } from './helm.ts';
import { threeServers } from './three-servers.ts';

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

test('a server of NATS that has no leader, since the others are lost, lives and is not ready', async () => {
  const paths = await probes();
  const { start, kill, ask } = await threeServers();
  const status = async (path: string) => (await ask(path)).status;
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
