import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type FileLock, type Logger, tryLock } from '@jspolicy/runtime';
import { Spool, type Spooled } from './spool.ts';

export interface SpoolsOptions {
  /** Shared by all evaluators of this machine that may send each other's violations. */
  dir: string;
  /** Of each process. */
  maxBytes: number;
  log: Logger;
}

interface Owned {
  name: string;
  spool: Spool;
  lock: FileLock;
}

/** How often it is looked for what another process left. */
const LOOK_MS = 30_000;

/**
 * The spool of this process, and those that dead ones left: each is a directory with a lock beside it, which its process
 * holds as long as it lives, and which ends with it however it ends. Who takes the lock of another one sends what is in
 * that spool, before its own, and removes it. A directory is made and removed under its lock alone.
 */
export class Spools {
  readonly #options: SpoolsOptions;
  readonly #own: Owned;
  #looking: NodeJS.Timeout | undefined;
  #left: Owned[] = [];
  /** Looks, drains and the end, one after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  #closed = false;

  private constructor(options: SpoolsOptions, own: Owned) {
    this.#options = options;
    this.#own = own;
  }

  /** Makes the directory and a spool of its own in it, and takes over what dead processes left. The caller closes it. */
  static async open(options: SpoolsOptions): Promise<Spools> {
    await mkdir(options.dir, { recursive: true, mode: 0o700 });
    const own = await takeOver(randomUUID(), options);
    if (!own) throw new Error('the lock of a new spool is held by somebody else');
    const spools = new Spools(options, own);
    await spools.#look();
    return spools;
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
      for (const left of [...this.#left]) {
        await left.spool.drain(send);
        await this.#remove(left);
        this.#left = this.#left.filter((each) => each !== left);
      }
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
        if (owned.spool.empty) await this.#remove(owned);
        else await owned.lock.release();
      }
    });
  }

  async #look(): Promise<void> {
    const { dir, log } = this.#options;
    const mine = new Set([this.#own, ...this.#left].map(({ name }) => name));
    const entries = await readdir(dir, { withFileTypes: true });
    for (const { name } of entries.filter((entry) => entry.isDirectory() && !mine.has(entry.name))) {
      const left = await takeOver(name, this.#options);
      if (left?.spool.empty) await this.#remove(left);
      else if (left) {
        log.info({ spool: name }, 'violations that another process left are sent');
        this.#left.push(left);
      }
    }
  }

  async #lookAgain(onFound: () => void): Promise<void> {
    const look = () => (this.#closed ? Promise.resolve() : this.#look());
    await this.#inTurn(look).catch((err: unknown) => this.#options.log.warn({ err }, 'spools cannot be looked at'));
    if (this.#left.length > 0) onFound();
  }

  async #remove({ name, lock }: Owned): Promise<void> {
    await rm(join(this.#options.dir, name), { recursive: true, force: true });
    await lock.release();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}

/** undefined: its process lives. */
async function takeOver(name: string, { dir, maxBytes }: SpoolsOptions): Promise<Owned | undefined> {
  const taken = await tryLock(join(dir, `${name}.lock`));
  if (!('lock' in taken)) return undefined;
  return { name, spool: await Spool.open(join(dir, name), maxBytes), lock: taken.lock };
}
