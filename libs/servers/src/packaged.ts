import { access, readFile } from 'node:fs/promises';
import { type Cached, cachedFile, intoCache } from './cache.ts';
import { fetchDebianPackages } from './debian.ts';
import { reason, ServersError } from './errors.ts';
import type { FindOptions } from './find.ts';
import { withLock } from './lock.ts';
import { fetchJars, KAFKA_VERSION } from './maven.ts';
import type { OnProgress } from './progress.ts';

/** Servers that are folders of packages: the jars of kafka, the tree of rsyslog. */
export type PackagedName = 'kafka' | 'rsyslog';

/** Fetches into a fresh folder and returns the one to keep, in it. */
type Fetch = (folder: string, env: NodeJS.ProcessEnv, onProgress: OnProgress) => Promise<string>;

interface Recipe {
  version(): Promise<string>;
  fetch: Fetch;
  needs: string;
}

const RECIPES: Record<PackagedName, Recipe> = {
  kafka: { version: async () => KAFKA_VERSION, fetch: fetchJars, needs: 'install Java 17 and Maven (mvn) on the PATH' },
  rsyslog: {
    version: systemRelease,
    fetch: fetchDebianPackages,
    needs: 'use a Debian whose packages can be fetched (apt-get, dpkg-deb); nothing is installed',
  },
};

/**
 * The folder of a server that comes as packages, from the cache, else fetched into it; several processes may ask at once.
 * Throws SERVER_NOT_FOUND with why it could not be fetched and what to do.
 */
export async function findPackaged(name: PackagedName, options: Pick<FindOptions, 'onProgress' | 'env'> = {}) {
  const { env = process.env, onProgress = () => {} } = options;
  const { version, fetch, needs } = RECIPES[name];
  const cached: Cached = { name, version: await version() };
  const folder = cachedFile(cached, env);
  if (await isThere(folder)) return folder;
  return withLock(`${folder}.lock`, `${name} ${cached.version}`, onProgress, async () => {
    // The one that held the lock before may have put it there.
    if (await isThere(folder)) return folder;
    try {
      return await intoCache(cached, env, (work) => fetch(work, env, onProgress));
    } catch (error) {
      const message = `${name} ${cached.version} could not be fetched: ${reason(error)}\nWhat to do: ${needs}.`;
      throw new ServersError('SERVER_NOT_FOUND', message, { cause: error });
    }
  });
}

const isThere = (folder: string): Promise<boolean> =>
  access(folder).then(
    () => true,
    () => false,
  );

/** Packages of one release do not run on another: debian-12. */
async function systemRelease(): Promise<string> {
  const text = await readFile('/etc/os-release', 'utf8').catch(() => '');
  const value = (key: string) => new RegExp(`^${key}="?([^"\\n]+)`, 'm').exec(text)?.[1] ?? 'unknown';
  return `${value('ID')}-${value('VERSION_ID')}`;
}
