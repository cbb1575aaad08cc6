import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type OnProgress, reporting } from './progress.ts';

const POLL_MS = 200;
const HEARTBEAT_MS = 5_000;
// Twelve missed heartbeats: the holder is on another machine that went away, or its pid was given to somebody else.
const STALE_MS = 60_000;

interface Holder {
  pid: number;
  host: string;
  id: string;
}

/**
 * Does the work while holding the lock file; others wait, and say that they wait. A holder that died is replaced.
 * Should two ever hold it after such a death, they only do the same work twice: what they make is put in place whole.
 */
export async function withLock<T>(file: string, what: string, onProgress: OnProgress, work: () => Promise<T>) {
  await mkdir(dirname(file), { recursive: true });
  const mine: Holder = { pid: process.pid, host: hostname(), id: randomUUID() };
  if (!(await take(file, mine))) {
    const holder = await holderOf(file);
    const whose = holder ? `process ${holder.pid} on ${holder.host}` : 'another process';
    await reporting(
      onProgress,
      (soFar) => `waiting for ${whose}, which gets ${what} (${file}), ${soFar}`,
      () => waitToTake(file, mine),
    );
  }
  const heartbeat = setInterval(() => utimes(file, new Date(), new Date()).catch(() => {}), HEARTBEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    await release(file, mine);
  }
}

async function waitToTake(file: string, mine: Holder): Promise<void> {
  while (!(await take(file, mine))) {
    await removeIfStale(file);
    await delay(POLL_MS);
  }
}

/** A hard link is made whole or not at all, so nobody reads a lock without its holder. */
async function take(file: string, mine: Holder): Promise<boolean> {
  const draft = `${file}.${mine.id}`;
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

async function release(file: string, mine: Holder): Promise<void> {
  if ((await holderOf(file))?.id === mine.id) await rm(file, { force: true });
}

async function holderOf(file: string): Promise<Holder | undefined> {
  return readFile(file, 'utf8').then(
    (text) => JSON.parse(text) as Holder,
    () => undefined,
  );
}

async function removeIfStale(file: string): Promise<void> {
  const holder = await holderOf(file);
  const written = await stat(file).catch(() => undefined);
  if (!written) return;
  const silent = Date.now() - written.mtimeMs > STALE_MS;
  if (!silent && holder && (holder.host !== hostname() || isAlive(holder.pid))) return;
  if (!silent && !holder) return;
  await moveAway(file, holder);
}

/** Another waiter may have replaced the lock since it was read; then it is put back. */
async function moveAway(file: string, stale: Holder | undefined): Promise<void> {
  const away = `${file}.stale-${randomUUID()}`;
  if (
    !(await rename(file, away).then(
      () => true,
      () => false,
    ))
  )
    return;
  const moved = await holderOf(away);
  if (moved?.id !== stale?.id) await link(away, file).catch(() => {});
  await rm(away, { force: true });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
