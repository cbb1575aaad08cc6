import { access, constants, mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** What has a place in the cache: a server, or a folder with one. */
export interface Cached {
  name: string;
  version: string;
}

const DAY_MS = 24 * 3_600_000;

/** Outside any checkout, so that all of a user's checkouts share one kube-apiserver of 100 MB. */
export function cacheFolder(env: NodeJS.ProcessEnv): string {
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'jspolicy');
}

export const cachedFile = (wanted: Cached, env: NodeJS.ProcessEnv): string =>
  join(cacheFolder(env), 'bin', `${wanted.name}-${wanted.version}`);

export async function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/**
 * Lets work make a file, or a folder, in a fresh folder on the cache's own disk, then moves it into its place in one step:
 * nobody ever sees half a server. The folder is gone afterwards.
 */
export async function intoCache(wanted: Cached, env: NodeJS.ProcessEnv, work: (folder: string) => Promise<string>) {
  const target = cachedFile(wanted, env);
  const works = join(cacheFolder(env), 'work');
  await mkdir(works, { recursive: true });
  await removeLeftovers(works);
  const folder = await mkdtemp(join(works, `${wanted.name}-`));
  try {
    const made = await work(folder);
    await mkdir(join(cacheFolder(env), 'bin'), { recursive: true });
    await rename(made, target);
    return target;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What a process that was killed left behind. No build takes a day. */
async function removeLeftovers(works: string): Promise<void> {
  for (const name of await readdir(works)) {
    const folder = join(works, name);
    const made = await stat(folder).catch(() => undefined);
    if (made && Date.now() - made.mtimeMs > DAY_MS) await rm(folder, { recursive: true, force: true });
  }
}
