import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type FileLock, type Logger, tryLock } from '@jspolicy/runtime';
import { Spool, type Spooled, segmentNames } from './spool.ts';
import type { PutAside } from './spool-aside.ts';
import { directoryProblem, makeDirectory } from './spool-directory.ts';

export interface SpoolsOptions {
  /** Shared by all evaluators of this machine that may send each other's violations. */
  dir: string;
  /** Of each process. */
  maxBytes: number;
  log: Logger;
  /** So many lines can never be sent; it is logged. */
  onAside?: (lines: number) => void;
}

interface Owned {
  name: string;
  spool: Spool;
  lock: FileLock;
}

/** How often it is looked for what another process left. */
const LOOK_MS = 30_000;
/** As randomUUID names them. */
const NAME = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/**
 * The spool of this process, and those that dead ones left: each is a directory with a lock beside it, which its process
 * holds as long as it lives, and which ends with it however it ends. Who takes the lock of another one sends what is in
 * that spool, before its own, and removes it. A directory is made and removed under its lock alone. What else there is in
 * the shared directory is somebody else's, and left alone.
 */
export class Spools {
  readonly #options: SpoolsOptions;
  readonly #own: Owned;
  #looking: NodeJS.Timeout | undefined;
  #left: Owned[] = [];
  /** Names of those that this process cannot deal with: each is told once. */
  readonly #givenUp = new Set<string>();
  /** Looks, drains and the end, one after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  #closed = false;

  private constructor(options: SpoolsOptions, own: Owned) {
    this.#options = options;
    this.#own = own;
  }

  /**
   * Makes the directory and a spool of its own in it, and takes over what dead processes left. The caller closes it.
   * Throws ConfigurationError when the directory is none, or cannot be read and written.
   */
  static async open(options: SpoolsOptions): Promise<Spools> {
    try {
      await makeDirectory(resolve(options.dir));
      const own = await takeOver(randomUUID(), options);
      if (!own) throw new Error('the lock of a new spool is held by somebody else');
      const spools = new Spools(options, own);
      await spools.#look();
      return spools;
    } catch (error) {
      throw directoryProblem(options.dir, error);
    }
  }

  /** Looks again and again; onFound is called when there is something to send. */
  follow(onFound: () => void): void {
    this.#looking = setInterval(() => void this.#lookAgain(onFound), LOOK_MS).unref();
  }

  get empty(): boolean {
    return this.#own.spool.empty && this.#left.every(({ spool }) => spool.empty);
  }

  /** What waits, also of others. */
  get bytes(): number {
    return [this.#own, ...this.#left].reduce((sum, { spool }) => sum + spool.bytes, 0);
  }

  /** As Spool.append, into the process's own. */
  append(message: Spooled): Promise<boolean> {
    return this.#own.spool.append(message);
  }

  /** As Spool.drain: first what others left, then its own. */
  drain(send: (message: Spooled) => Promise<void>): Promise<void> {
    return this.#inTurn(async () => {
      for (const left of [...this.#left]) await this.#drainLeft(left, send);
      await this.#own.spool.drain(send);
    });
  }

  /** What is not sent stays for the next process. */
  close(): Promise<void> {
    clearInterval(this.#looking);
    return this.#inTurn(async () => {
      if (this.#closed) return;
      this.#closed = true;
      for (const owned of [this.#own, ...this.#left]) {
        if (owned.spool.empty) await this.#remove(owned).catch((err: unknown) => this.#giveUp(owned.name, err));
        else await owned.lock.release();
      }
    });
  }

  async #look(): Promise<void> {
    const known = new Set([this.#own.name, ...this.#left.map(({ name }) => name), ...this.#givenUp]);
    const entries = await readdir(this.#options.dir, { withFileTypes: true });
    const locks = new Set(entries.map(({ name }) => name).filter((name) => name.endsWith('.lock')));
    for (const entry of entries) {
      const { name } = entry;
      if (!entry.isDirectory() || !NAME.test(name) || known.has(name)) continue;
      await this.#adopt(name, locks.has(`${name}.lock`)).catch((err: unknown) => this.#giveUp(name, err));
    }
  }

  /** A directory of ours has a lock beside it, or something in it. */
  async #adopt(name: string, hasLock: boolean): Promise<void> {
    const { dir, log } = this.#options;
    if (!hasLock && (await segmentNames(join(dir, name))).length === 0) return;
    const left = await takeOver(name, this.#options);
    if (!left) return;
    if (left.spool.empty) return await this.#remove(left);
    log.info({ spool: name }, 'violations that another process left are sent');
    this.#left.push(left);
  }

  /** Rejects when sending has to wait; what is wrong with the files of a dead process must not hold up the others. */
  async #drainLeft(left: Owned, send: (message: Spooled) => Promise<void>): Promise<void> {
    let unsent: unknown;
    try {
      await left.spool.drain(async (message) => {
        await send(message).catch((error: unknown) => {
          unsent = error;
          throw error;
        });
      });
      await this.#remove(left);
    } catch (error) {
      if (error === unsent) throw error;
      this.#giveUp(left.name, error);
      await left.lock.release();
    }
    this.#left = this.#left.filter((each) => each !== left);
  }

  #giveUp(name: string, err: unknown): void {
    this.#givenUp.add(name);
    this.#options.log.error({ err, spool: join(this.#options.dir, name) }, 'spool left alone: it cannot be used');
  }

  async #lookAgain(onFound: () => void): Promise<void> {
    const look = () => (this.#closed ? Promise.resolve() : this.#look());
    await this.#inTurn(look).catch((err: unknown) => this.#options.log.warn({ err }, 'spools cannot be looked at'));
    if (this.#left.length > 0) onFound();
  }

  async #remove({ spool, lock }: Owned): Promise<void> {
    await spool.remove().finally(() => lock.release());
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}

/** undefined: its process lives. */
async function takeOver(name: string, { dir, maxBytes, log, onAside }: SpoolsOptions): Promise<Owned | undefined> {
  const taken = await tryLock(join(dir, `${name}.lock`));
  if (!('lock' in taken)) return undefined;
  const tell = ({ file, ...told }: PutAside) => {
    onAside?.(told.lines);
    if (file) log.error({ file, ...told }, 'lines of the spool can never be sent, put aside');
    else log.error(told, 'lines of the spool can never be sent, lost: the file beside it is full');
  };
  try {
    return { name, spool: await Spool.open(join(dir, name), maxBytes, tell), lock: taken.lock };
  } catch (error) {
    await taken.lock.release();
    throw error;
  }
}
