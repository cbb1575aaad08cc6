import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ConfigurationError } from '@jspolicy/runtime';

/** What trying again cannot mend, and another setting can; a full disk is none of them. */
const PROBLEMS: Record<string, string> = {
  EEXIST: 'is not a directory',
  ENOTDIR: 'is not a directory, or below something that is none',
  EACCES: 'cannot be read and written by this user',
  EPERM: 'cannot be read and written by this user',
  EROFS: 'is on a file system that cannot be written',
  ENOENT: 'cannot be made',
  ELOOP: 'is a link that leads to itself',
  ENAMETOOLONG: 'is too long',
};

/** The error of a spool directory that cannot be opened, as ConfigurationError where it is the setting's. */
export function directoryProblem(dir: string, error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const problem = PROBLEMS[code];
  return problem === undefined ? error : new ConfigurationError([`SPOOL_DIR ${dir} ${problem} (${code})`]);
}

/**
 * Makes the directory and those above it where they are missing. The recursive mkdir of Node never ends where nothing can
 * be made, such as below /proc.
 */
export async function makeDirectory(dir: string): Promise<void> {
  try {
    await mkdir(dir, { mode: 0o700 });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EEXIST' && (await isDirectory(dir))) return;
    const above = dirname(dir);
    if (code !== 'ENOENT' || (await isDirectory(above))) throw error;
    await makeDirectory(above);
    await makeDirectory(dir);
  }
}

const isDirectory = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
