import { buildWithGo } from './build.ts';
import { cachedFile, intoCache, isExecutable } from './cache.ts';
import { download } from './download.ts';
import { reason, ServersError } from './errors.ts';
import { fromAssets, fromPath, fromVariable, type Note, variableOf } from './installed.ts';
import { withLock } from './lock.ts';
import type { OnProgress } from './progress.ts';
import { releaseOf } from './release.ts';
import { formatVersion, versionOf } from './version.ts';
import { type ServerName, type Wanted, wantedServer } from './wanted.ts';

export interface FindOptions {
  /** Gets a line at least every ten seconds while a server is fetched or built. */
  onProgress?: OnProgress;
  /** Which Kubernetes; goes before JSPOLICY_KUBE_VERSION. */
  kubeVersion?: string;
  env?: NodeJS.ProcessEnv;
}

/**
 * The absolute path of a server that runs. Looked for in this order: the variable that names it, KUBEBUILDER_ASSETS, the
 * PATH, the cache, the official download, a build with go. Downloads and builds stay in the cache; several processes may
 * ask at once.
 * Throws SERVER_NOT_FOUND with every place that was tried, SERVER_MISCONFIGURED for a variable that is wrong, and
 * SERVER_DOWNLOAD_REFUSED for a download whose checksum does not match.
 */
export async function findServer(name: ServerName, options: FindOptions = {}): Promise<string> {
  const { env = process.env, onProgress = () => {} } = options;
  const wanted = wantedServer(name, env, options.kubeVersion);
  const tried: string[] = [];
  const note: Note = (place, why) => tried.push(`  ${place} ${why}`);
  return (
    (await fromVariable(wanted, env, note)) ??
    (await fromAssets(wanted, env, note)) ??
    (await fromPath(wanted, env, note)) ??
    (await fromCache(wanted, env, note)) ??
    (await get(wanted, env, onProgress, note)) ??
    fail(wanted, tried)
  );
}

async function fromCache(wanted: Wanted, env: NodeJS.ProcessEnv, note: Note): Promise<string | undefined> {
  const file = cachedFile(wanted, env);
  if (await isExecutable(file)) return file;
  return void note('cache', `has no ${file}`);
}

async function get(wanted: Wanted, env: NodeJS.ProcessEnv, onProgress: OnProgress, note: Note) {
  const file = cachedFile(wanted, env);
  const what = `${wanted.name} ${wanted.version}`;
  return withLock(`${file}.lock`, what, onProgress, async () => {
    // The one that held the lock before may have put it there.
    if (await isExecutable(file)) return file;
    const release = releaseOf(wanted);
    const fetched = release
      ? await attempt('download', note, () =>
          intoCache(wanted, env, (folder) => verified(wanted, download(release, folder, onProgress))),
        )
      : void note('download', `has none for ${process.platform} ${process.arch}`);
    if (fetched) return fetched;
    return attempt('go build', note, () =>
      intoCache(wanted, env, (folder) => verified(wanted, buildWithGo(wanted, folder, env, onProgress))),
    );
  });
}

async function attempt(place: string, note: Note, work: () => Promise<string>): Promise<string | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ServersError) throw error;
    return void note(place, `failed: ${reason(error)}`);
  }
}

/** What was got has to run here and be the version that was asked for, before others find it. */
async function verified(wanted: Wanted, getting: Promise<string>): Promise<string> {
  const file = await getting;
  const version = formatVersion(await versionOf(file, wanted.versionArgs));
  if (version !== wanted.version) throw new Error(`what was got is ${version}, not ${wanted.version}`);
  return file;
}

function fail(wanted: Wanted, tried: string[]): never {
  const { name, version } = wanted;
  const todo = `install ${name} (${wanted.needs}) on the PATH, set ${variableOf(name)} to its file, or install go to build it`;
  const message = `${name} ${version} was not found. Tried:\n${tried.join('\n')}\nWhat to do: ${todo}.`;
  throw new ServersError('SERVER_NOT_FOUND', message);
}
