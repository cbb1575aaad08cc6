import { randomUUID } from 'node:crypto';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { CommandError } from '../exit-codes.ts';
import { isAlive, startedAt } from './other-process.ts';

interface Holder {
  pid: number;
  /** Tells the process from a later one of the same pid. */
  started: string;
}

/** Lets one `up` at a time work on a data directory. A holder that died is replaced. Throws CommandError. */
export async function lockData(file: string, root: string): Promise<{ release(): Promise<void> }> {
  for (let attempt = 0; !(await take(file)); attempt++) {
    const holder = await readHolder(file);
    if (attempt > 3 || (holder && (await isRunning(holder)))) {
      throw new CommandError(
        `${root} is in use by process ${holder?.pid ?? 'unknown'}: another \`jspolicy up\` runs on it. ` +
          'End that one, or give this one a directory of its own with --data DIR.',
      );
    }
    await rm(file, { force: true });
  }
  return { release: () => rm(file, { force: true }) };
}

/** A hard link is made whole or not at all, so nobody reads a lock without its holder. */
async function take(file: string): Promise<boolean> {
  const draft = `${file}.${randomUUID()}`;
  const mine: Holder = { pid: process.pid, started: (await startedAt(process.pid)) ?? '' };
  await writeFile(draft, JSON.stringify(mine));
  try {
    await link(draft, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

async function readHolder(file: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Holder;
  } catch {
    return undefined;
  }
}

async function isRunning({ pid, started }: Holder): Promise<boolean> {
  return isAlive(pid) && ((await startedAt(pid)) ?? '') === started;
}
