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
