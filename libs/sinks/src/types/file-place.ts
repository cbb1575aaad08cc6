import { lstat, mkdir, realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';

/**
 * The place of a file below the directory that sinks may write to; folders on the way are made. Rejects for a path that leads
 * out of it, by its names or by a link.
 */
export async function placeOf(path: string, directory: string): Promise<string> {
  const below = relative(directory, resolve(directory, path));
  if (below === '' || isAbsolute(below) || below.split(sep)[0] === '..')
    throw new Error(`path must be below ${directory}, which SINK_FILE_DIR of audit sets`);
  await makeDirectory(directory);
  let at = await realpath(directory);
  for (const name of dirname(below).split(sep)) {
    at = join(at, name);
    await mkdir(at).catch(unlessThere);
    if (!(await lstat(at)).isDirectory()) throw new Error(`${at} is no folder`);
  }
  return join(at, basename(below));
}

/** One by one: asked for all of them at once, Node never ends where the system has none to give, as below /proc. */
async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' || dirname(path) === path || (await isThere(dirname(path)))) throw error;
    await makeDirectory(dirname(path));
    await mkdir(path);
  }
}

const isThere = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

function unlessThere(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}
