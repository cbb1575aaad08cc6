import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type FileLock, tryLock } from '@jspolicy/runtime';
import { type TempDir, tempDir } from '@jspolicy/testing';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { dataPlaces, defaultDataRoot } from '../places.ts';
import { findCluster, findEngine } from './find-engine.ts';
import { writeRunning } from './running.ts';
import type { StackFacts } from './service-env.ts';

let dir: TempDir;
beforeEach(async () => {
  dir = await tempDir();
  vi.stubEnv('XDG_STATE_HOME', dir.path);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await dir.remove();
});

/** What an `up` on these manifests has in its data directory while it runs. */
async function runs(manifests: string): Promise<FileLock> {
  const places = dataPlaces(defaultDataRoot(manifests));
  await mkdir(places.root, { recursive: true });
  await writeRunning({ places, natsUrl: `nats://${manifests}`, ownNats: true, cluster: { manifests } } as StackFacts);
  const taken = await tryLock(places.lock);
  if (!('lock' in taken)) throw new Error('the lock is taken');
  return taken.lock;
}

test('without options the only one that runs is meant, whatever it runs on', async () => {
  await runs('/policies');
  expect(await findEngine({})).toMatchObject({ natsUrl: 'nats:///policies', foreign: false });
  const { cluster, places } = await findCluster({});
  expect([cluster, places.root]).toEqual([{ manifests: '/policies' }, defaultDataRoot('/policies')]);
});

test('of several none is chosen, and all are named', async () => {
  await runs('/policies');
  await runs('/more policies');
  const both = /here run: (--manifests \/policies, )?--manifests '\/more policies'(, --manifests \/policies)?\)$/;
  await expect(findEngine({})).rejects.toThrow(both);
});

test('who names one gets no other, but hears of it', async () => {
  await runs('/policies');
  const data = join(dir.path, 'elsewhere');
  await expect(findEngine({ data })).rejects.toThrow(`no \`jspolicy up\` runs on ${data}.`);
  await expect(findEngine({ manifests: '/other' })).rejects.toThrow('(here run: --manifests /policies)');
});

test('one that was killed does not run', async () => {
  const lock = await runs('/policies');
  await lock.release();
  await expect(findEngine({})).rejects.toThrow(/another `up` on this machine$/);
});
