import { readFile, rm, writeFile } from 'node:fs/promises';
import type { DataPlaces } from '../places.ts';
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
