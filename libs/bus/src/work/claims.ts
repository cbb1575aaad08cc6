import { createHash } from 'node:crypto';
import { backoffMs, type Logger, pause } from '@jspolicy/runtime';
import { JetStreamApiError } from '@nats-io/jetstream';
import type { KV } from '@nats-io/kv';
import type { KvBucket } from '../kv-bucket.ts';

/** A claim that is not renewed for so long is nobody's: its holder died. Also the bucket's TTL. */
export const CLAIM_TTL_MS = 10_000;
const RENEW_MS = 2_500;
/** The holder lets go so much earlier than the server does: two clocks, and a message on its way. */
const MARGIN_MS = 1_500;
/** Between two tries to get what somebody else holds: most evaluations take milliseconds. */
const TRY_AGAIN = { baseMs: 20, maxMs: 500 };
/** Between two tries after an error, and between two lines of the log about errors. */
const TROUBLE = { baseMs: 200, maxMs: 5_000 };
const TOLD_EACH_MS = 30_000;
/** nats-server: the key has another revision than the one that was named. */
const WRONG_LAST_SEQUENCE = 10_071;

export interface Claim {
  /** Aborts when it is lost. */
  readonly signal: AbortSignal;
  /** By the clock: a process that was stopped for a while finds messages before it finds its timers. */
  isHeld(): boolean;
  release(): Promise<void>;
}

/** One holder per subject, in all processes: leases in a bucket that forgets what is not renewed. */
export class Claims {
  readonly #bucket: KvBucket;
  readonly #log: Logger;
  #toldAtMs = Number.NEGATIVE_INFINITY;

  constructor(bucket: KvBucket, log: Logger) {
    this.#bucket = bucket;
    this.#log = log;
  }

  /** Waits for its turn; undefined when the signal aborted first. */
  async take(subject: string, signal: AbortSignal, pace = TRY_AGAIN): Promise<Claim | undefined> {
    // A subject may have more in it than a key of a bucket.
    const key = createHash('sha256').update(subject).digest('hex');
    for (let attempt = 0; !signal.aborted; attempt++) {
      const claim = await this.#tryTake(key).catch((err: unknown) => this.#tell(subject, err));
      if (typeof claim === 'object') return claim;
      await pause(backoffMs(attempt, claim === 'held' ? pace : TROUBLE), signal);
    }
    return undefined;
  }

  /** Whatever goes wrong is tried again: a claim that was made without our knowing of it ends by itself. */
  #tell(subject: string, err: unknown): 'failed' {
    if (performance.now() - this.#toldAtMs >= TOLD_EACH_MS) {
      this.#toldAtMs = performance.now();
      this.#log.warn({ err, subject }, 'a turn cannot be claimed now, it is tried again');
    }
    return 'failed';
  }

  async #tryTake(key: string): Promise<Claim | 'held'> {
    try {
      const kv = await this.#bucket.open();
      const askedMs = performance.now();
      return new HeldClaim(kv, key, await kv.create(key, ''), askedMs);
    } catch (error) {
      if (error instanceof JetStreamApiError && error.code === WRONG_LAST_SEQUENCE) return 'held';
      throw error;
    }
  }
}

class HeldClaim implements Claim {
  readonly #kv: KV;
  readonly #key: string;
  readonly #lost = new AbortController();
  readonly #renewing: NodeJS.Timeout;
  #endsAtMs = 0;
  #end: NodeJS.Timeout;
  #revision: number;
  #last: Promise<void> = Promise.resolve();

  constructor(kv: KV, key: string, revision: number, askedMs: number) {
    this.#kv = kv;
    this.#key = key;
    this.#revision = revision;
    this.#end = this.#endAfter(askedMs);
    this.#renewing = setInterval(() => {
      this.#last = this.#last.then(() => this.#renew());
    }, RENEW_MS);
  }

  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  isHeld(): boolean {
    return !this.#lost.signal.aborted && performance.now() < this.#endsAtMs;
  }

  /** Never rejects: what is not released ends by itself. */
  async release(): Promise<void> {
    clearInterval(this.#renewing);
    await this.#last;
    clearTimeout(this.#end);
    // Guarded by the revision: what somebody else holds by now stays.
    await this.#kv.delete(this.#key, { previousSeq: this.#revision }).catch(() => undefined);
  }

  #endAfter(askedMs: number): NodeJS.Timeout {
    this.#endsAtMs = askedMs + CLAIM_TTL_MS - MARGIN_MS;
    const leftMs = this.#endsAtMs - performance.now();
    return setTimeout(() => this.#lost.abort(new Error('somebody else may work on the object')), leftMs);
  }

  async #renew(): Promise<void> {
    const askedMs = performance.now();
    try {
      this.#revision = await this.#kv.update(this.#key, '', this.#revision);
      if (!this.isHeld()) return;
      clearTimeout(this.#end);
      this.#end = this.#endAfter(askedMs);
    } catch {
      // Tried again; the end comes by itself when that does not help.
    }
  }
}
