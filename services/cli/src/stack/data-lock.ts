import { type FileLock, tryLock } from '@jspolicy/runtime';
import { CommandError } from '../exit-codes.ts';

/** Lets one `up` at a time work on a data directory. A holder that died is replaced. Throws CommandError. */
export async function lockData(file: string, root: string): Promise<FileLock> {
  const taken = await tryLock(file);
  if ('lock' in taken) return taken.lock;
  throw new CommandError(
    `${root} is in use by process ${taken.holder?.pid ?? 'unknown'}: another \`jspolicy up\` runs on it. ` +
      'End that one, or give this one a directory of its own with --data DIR.',
  );
}
