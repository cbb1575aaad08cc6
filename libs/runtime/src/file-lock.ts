import { createHash, randomUUID } from 'node:crypto';
import { link, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { pause } from './backoff.ts';
import { isAlive, startedAt } from './other-process.ts';

export interface LockHolder {
  pid: number;
  host: string;
}

export interface FileLock {
  /** May be called twice. */
  release(): Promise<void>;
}

interface Written extends LockHolder {
  /** Tells the process from a later one of the same pid. */
  started: string;
  /** Tells each time that the lock is taken from every other. */
  id: string;
}

const HEARTBEAT_MS = 5_000;
/** Twelve missed heartbeats: a holder on another machine, whose processes cannot be seen from here, is gone. */
const SILENT_MS = 12 * HEARTBEAT_MS;
/** Work under these locks takes milliseconds, or so long that a little more does not count. */
const POLL_MS = 5;

/**
 * Takes the lock file, or says who has it (undefined: somebody who is just letting it go). A holder that died is
 * replaced, by one process alone also where several find it at once. The file's directory exists.
 */
export async function tryLock(file: string): Promise<{ lock: FileLock } | { holder: LockHolder | undefined }> {
  for (;;) {
    const lock = await take(file);
    if (lock) return { lock };
    const text = await textOf(file);
    if (text === undefined) continue;
    const holder = parsed(text);
    if (holder && (await isThere(holder, file))) return { holder };
    if (!(await removeLeft(file, text))) return { holder: undefined };
  }
}

/** Who has the lock file now, without touching it; undefined: nobody, or one that died. */
export async function lockHolder(file: string): Promise<LockHolder | undefined> {
  const holder = parsed((await textOf(file)) ?? '');
  return holder && (await isThere(holder, file)) ? holder : undefined;
}

/** Does the work while holding the lock file; waits for whoever has it, and tells that once. */
export async function withLock<T>(
  file: string,
  work: () => Promise<T>,
  { pollMs = POLL_MS, onWait }: { pollMs?: number; onWait?: (holder: LockHolder | undefined) => void } = {},
): Promise<T> {
  for (let waited = false; ; waited = true) {
    const taken = await tryLock(file);
    if ('lock' in taken) return await work().finally(() => taken.lock.release());
    if (!waited) onWait?.(taken.holder);
    await pause(pollMs);
  }
}

/** A hard link is made whole or not at all, so nobody reads a lock without its holder. */
async function take(file: string): Promise<FileLock | undefined> {
  const id = randomUUID();
  const mine: Written = { pid: process.pid, host: hostname(), started: await ownStart(), id };
  const text = JSON.stringify(mine);
  const draft = `${file}.${id}`;
  await writeFile(draft, text);
  try {
    await link(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
  return heldLock(file, text);
}

function heldLock(file: string, text: string): FileLock {
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(file, now, now).catch(() => undefined);
  }, HEARTBEAT_MS).unref();
  return {
    async release() {
      clearInterval(heartbeat);
      if ((await textOf(file)) === text) await rm(file, { force: true });
    },
  };
}

/**
 * Removes what a dead holder left; false when somebody else is at it. Whoever removes has a lock of its own for that,
 * named for this very holder: between the look at the file and its removal nobody can have put a new one in its place.
 */
async function removeLeft(file: string, text: string): Promise<boolean> {
  const name = createHash('sha256').update(text).digest('hex').slice(0, 16);
  const removing = await tryLock(`${file}.left-${name}`);
  if (!('lock' in removing)) return false;
  try {
    if ((await textOf(file)) === text) await rm(file, { force: true });
  } finally {
    await removing.lock.release();
  }
  return true;
}

async function isThere({ pid, host, started }: Written, file: string): Promise<boolean> {
  if (host === hostname()) return isAlive(pid) && ((await startedAt(pid)) ?? '') === started;
  const written = await stat(file).catch(() => undefined);
  return written !== undefined && Date.now() - written.mtimeMs < SILENT_MS;
}

/** undefined: there is no lock. */
async function textOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** What is none of ours is nobody's. */
function parsed(text: string): Written | undefined {
  try {
    const { pid, host = hostname(), started = '', id = '' } = JSON.parse(text) as Partial<Written>;
    return typeof pid === 'number' ? { pid, host, started, id } : undefined;
  } catch {
    return undefined;
  }
}

let own: Promise<string> | undefined;
const ownStart = (): Promise<string> => {
  own ??= startedAt(process.pid).then((started) => started ?? '');
  return own;
};
