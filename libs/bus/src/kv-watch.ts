import { backoffMs, type Logger, pause } from '@jspolicy/runtime';
import type { KV, KvEntry } from '@nats-io/kv';
import type { Reconnects } from './reconnects.ts';

/** A bucket that was lost is made again by whoever looks for it first; this is how often one looks. */
const RETRY = { baseMs: 200, maxMs: 2_000 };

export interface EntryHandler {
  onEntry(entry: KvEntry): void;
  /** Everything that existed at the start was told. Once. */
  onSynced(): void;
}

export interface WatchParts {
  bucket: KV;
  name: string;
  handler: EntryHandler;
  reconnects: Reconnects;
  log: Logger;
}

type Entries = Awaited<ReturnType<KV['watch']>>;

/**
 * Follows a bucket. The client's own watch outlives a server that restarts, but not a bucket that was lost and made
 * anew: that is looked for each time the connection is back, and the new one is followed then. What the new one does
 * not have is not told as removed: it may not be put there again yet.
 */
export class KvWatch {
  readonly #bucket: KV;
  readonly #handler: EntryHandler;
  readonly #log: Logger;
  readonly #stopping = new AbortController();
  readonly #stopListening: () => void;
  #entries: Entries | undefined;
  /** When this bucket was made: another time means another bucket. */
  #made = '';
  #told: Promise<void> | undefined;
  #synced = false;
  #looking: Promise<void> | undefined;

  constructor({ bucket, name, handler, reconnects, log }: WatchParts) {
    this.#bucket = bucket;
    this.#handler = handler;
    this.#log = log.child({ bucket: name });
    this.#stopListening = reconnects.listen(() => {
      this.#looking ??= this.#lookForAnother().finally(() => {
        this.#looking = undefined;
      });
    });
  }

  async begin(): Promise<void> {
    const { streamInfo, values } = await this.#bucket.status();
    const entries = await this.#bucket.watch();
    this.#entries?.stop();
    this.#entries = entries;
    this.#made = String(streamInfo.created);
    if (values === 0) this.#sync();
    // The iteration of a watch that another one took the place of, or of a closed connection, just ends.
    this.#told = this.#tell(entries).catch((err: unknown) => this.#log.error({ err }, 'watch of a bucket failed'));
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#stopListening();
    await this.#looking;
    this.#entries?.stop();
    await this.#told;
  }

  async #lookForAnother(): Promise<void> {
    const { signal } = this.#stopping;
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        const { streamInfo } = await this.#bucket.status();
        const lost = String(streamInfo.created) !== this.#made;
        if (lost) await this.begin();
        if (lost || attempt > 0) this.#log.info({ madeAnew: lost }, 'bucket is followed again');
        return;
      } catch (err) {
        // Not there yet, or not answering yet.
        if (attempt === 0 && !signal.aborted) this.#log.warn({ err }, 'bucket cannot be followed now');
        await pause(backoffMs(attempt, RETRY), signal);
      }
    }
  }

  async #tell(entries: Entries): Promise<void> {
    for await (const entry of entries) {
      this.#tellOne(entry);
      if (entry.delta === 0) this.#sync();
    }
  }

  /** What one entry does to whoever is told must not keep the next ones from him. */
  #tellOne(entry: KvEntry): void {
    try {
      this.#handler.onEntry(entry);
    } catch (err) {
      this.#log.error({ err, key: entry.key }, 'entry of a bucket could not be handled');
    }
  }

  #sync(): void {
    if (this.#synced) return;
    this.#synced = true;
    this.#handler.onSynced();
  }
}
