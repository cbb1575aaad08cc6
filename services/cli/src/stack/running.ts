import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lockHolder } from '@jspolicy/runtime';
import { type DataPlaces, dataPlaces, dataRoots } from '../places.ts';
import type { ClusterChoice, StackFacts } from './service-env.ts';

/** What other commands must know about an `up` that runs. */
export interface RunningStack {
  natsUrl: string;
  ownNats: boolean;
  cluster: ClusterChoice;
}

export async function writeRunning({ places, natsUrl, ownNats, cluster }: StackFacts): Promise<void> {
  const running: RunningStack = { natsUrl, ownNats, cluster };
  await writeFile(places.running, JSON.stringify(running), { mode: 0o600 });
}

export const removeRunning = ({ running }: DataPlaces): Promise<void> => rm(running, { force: true });

/** undefined when nothing runs there. One that was killed leaves the file behind. */
export async function readRunning({ running }: DataPlaces): Promise<RunningStack | undefined> {
  try {
    return JSON.parse(await readFile(running, 'utf8')) as RunningStack;
  } catch {
    return undefined;
  }
}

/** The `up` with this NATS is alive: not another one that took its place. */
export async function stillRuns(places: DataPlaces, natsUrl: string): Promise<boolean> {
  return (await readRunning(places))?.natsUrl === natsUrl && (await lockHolder(places.lock)) !== undefined;
}

/** Every `up` of this user that is alive, in a data directory that nobody named. */
export async function allRunning(): Promise<{ places: DataPlaces; running: RunningStack }[]> {
  const base = dataRoots();
  const names = await readdir(base).catch(() => []);
  const found = names.sort().map(async (name) => {
    const places = dataPlaces(join(base, name));
    const running = await readRunning(places);
    return running && (await lockHolder(places.lock)) ? [{ places, running }] : [];
  });
  return (await Promise.all(found)).flat();
}
