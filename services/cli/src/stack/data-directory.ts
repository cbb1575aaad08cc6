import { mkdir, rmdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CommandError } from '../exit-codes.ts';

/** Only the user: the key of the webhook's certificate lies in it. */
const MODE = 0o700;

/**
 * Makes the data directory and what is missing above it. undo() takes away what was made, as far as it is still empty.
 * Throws CommandError, with the directory. (The recursive mkdir of node never returns below /proc.)
 */
export async function makeDataDirectory(root: string): Promise<{ undo(): Promise<void> }> {
  const made: string[] = [];
  const undo = async () => {
    for (const directory of made.toReversed()) await rmdir(directory).catch(() => undefined);
  };
  try {
    await make(root, made);
  } catch (cause) {
    await undo();
    throw dataProblem(root, cause);
  }
  return { undo };
}

export function dataProblem(root: string, cause: unknown): CommandError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new CommandError(`data cannot be kept in ${root}: ${why} (--data DIR names another directory)`, { cause });
}

async function make(directory: string, made: string[]): Promise<void> {
  const code = await tryMake(directory, made);
  if (code === 'EEXIST' && !(await stat(directory)).isDirectory()) throw new Error('it is no directory');
  if (code !== 'ENOENT') return;
  await make(dirname(directory), made);
  // Its parent is there now: whoever still says ENOENT has no directories to give.
  await mkdir(directory, MODE);
  made.push(directory);
}

async function tryMake(directory: string, made: string[]): Promise<string | undefined> {
  try {
    await mkdir(directory, MODE);
    made.push(directory);
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' || (code === 'ENOENT' && dirname(directory) !== directory)) return code;
    throw error;
  }
}
