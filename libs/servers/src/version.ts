import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
// A cold kube-apiserver of 100 MB on a slow disk takes seconds to print its version.
const VERSION_TIMEOUT_MS = 30_000;

export interface Version {
  major: number;
  minor: number;
  patch: number;
}

/** The first x.y.z in the text, with or without a v before it. */
export function parseVersion(text: string): Version | undefined {
  const found = /(\d+)\.(\d+)\.(\d+)/.exec(text);
  return found ? { major: Number(found[1]), minor: Number(found[2]), patch: Number(found[3]) } : undefined;
}

export const formatVersion = (version: Version): string => `${version.major}.${version.minor}.${version.patch}`;

export const sameMinor = (a: Version, b: Version): boolean => a.major === b.major && a.minor === b.minor;

/** At least this major and minor. */
export function atLeast(version: Version, major: number, minor: number): boolean {
  return version.major > major || (version.major === major && version.minor >= minor);
}

/** What `file --version` says, or with other arguments. Throws when the file does not run or says nothing that is a version. */
export async function versionOf(file: string, args: readonly string[] = ['--version']): Promise<Version> {
  const { stdout, stderr } = await run(file, args, { timeout: VERSION_TIMEOUT_MS });
  const version = parseVersion(stdout + stderr);
  if (!version) throw new Error(`its ${args.join(' ')} says no version: ${(stdout + stderr).slice(0, 200)}`);
  return version;
}
