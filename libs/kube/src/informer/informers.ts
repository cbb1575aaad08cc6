import type { Logger } from '@jspolicy/runtime';
import { apiVersionOf, joinKey, noMatch } from '../object-names.ts';
import type { Cluster, KubeError, ListOptions, ResourceType } from '../port.ts';
import { copyQuery, findCopies } from './copy-query.ts';
import { Informer } from './informer.ts';
import type { CopiesSize, TextOf } from './object-copies.ts';

export interface InformersOptions {
  cluster: Pick<Cluster, 'watch'>;
  textOf: TextOf;
  /**
   * Of the texts of all kinds together; 0: nothing is copied. The informer that goes beyond it ends, and its kind is not
   * copied for ten minutes.
   */
  maxBytes: number;
  /** An informer that nobody asked for so long ends. */
  idleMs: number;
  /** What the copies of a kind take; undefined when its informer has ended. `kind`: as in `ingresses.v1.networking.k8s.io`. */
  onSize(kind: string, size: CopiesSize | undefined): void;
  log: Logger;
}

interface Kept {
  informer: Informer;
  kind: string;
  bytes: number;
  usedAtMs: number;
}

/** Why there is no informer of a kind for now. */
interface Barred {
  untilMs: number;
  /** What readers are told; undefined: they are to ask the cluster itself. */
  error: KubeError | undefined;
}

/** Rights may be granted at any moment, and a policy may ask for what it may not read with each request. */
const ASK_AGAIN_MS = 1000;
/** So long a kind that was refused after it had been listed is left to the cluster: it cannot be watched, or no more. */
const WATCH_AGAIN_MS = 60_000;
/** A kind that had no room is read whole again each time that it is tried. */
const ROOM_AGAIN_MS = 600_000;
const LONGEST_SWEEP_MS = 30_000;

/**
 * Informers by kind, started by the first read, shared by all readers. Reads give undefined for what only the cluster
 * itself can answer; they throw the KubeError with which the cluster refused the kind. A copy lags the cluster by the time
 * of a watch event, and longer while the API server is away.
 */
export class Informers {
  readonly #options: InformersOptions;
  readonly #kept = new Map<string, Kept>();
  readonly #barred = new Map<string, Barred>();
  readonly #ending = new Set<Promise<void>>();
  readonly #sweep: NodeJS.Timeout;
  #bytes = 0;
  #stopped = false;

  constructor(options: InformersOptions) {
    this.#options = options;
    this.#sweep = setInterval(() => this.#endIdle(), Math.min(LONGEST_SWEEP_MS, options.idleMs / 2));
    this.#sweep.unref();
  }

  /** Waits for the first list of the kind as long as the signal lets it. */
  async get(
    type: ResourceType,
    { name, namespace }: { name: string; namespace?: string },
    signal?: AbortSignal,
  ): Promise<{ text: Uint8Array | undefined } | undefined> {
    const informer = await this.#current(type, signal);
    return informer && { text: informer.copies.get(joinKey(namespace, name))?.text };
  }

  /** The texts in the order of the API server's list. Waits as get() does. */
  async list(type: ResourceType, options: ListOptions): Promise<Uint8Array[] | undefined> {
    const query = copyQuery(type, options);
    const informer = query && (await this.#current(type, options.signal));
    return informer && findCopies(informer.copies, query).map(({ text }) => text);
  }

  /** Ends all of them. Idempotent. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#sweep);
    for (const key of [...this.#kept.keys()]) this.#end(key, new Error('the informers were stopped'));
    await Promise.all(this.#ending);
  }

  async #current(type: ResourceType, signal: AbortSignal | undefined): Promise<Informer | undefined> {
    const key = kindKey(type);
    const barred = this.#barredNow(key);
    if (barred?.error) throw barred.error;
    if (barred || this.#stopped || this.#options.maxBytes === 0) return undefined;
    const kept = this.#kept.get(key) ?? this.#start(key, type);
    kept.usedAtMs = performance.now();
    try {
      await kept.informer.synced(signal);
    } catch (error) {
      if (error instanceof NoRoom) return undefined;
      throw error;
    }
    return kept.informer;
  }

  #barredNow(key: string): Barred | undefined {
    const barred = this.#barred.get(key);
    if (barred && barred.untilMs > performance.now()) return barred;
    this.#barred.delete(key);
    return undefined;
  }

  #start(key: string, type: ResourceType): Kept {
    const { cluster, textOf, log } = this.#options;
    const kind = labelOf(type);
    const informer = new Informer({
      cluster,
      type,
      textOf,
      onSize: (size) => this.#resized(key, size),
      onTrouble: (err) => log.warn({ err, kind }, 'objects cannot be read now, what was read last stays'),
      onRefused: (error, { synced }) => this.#refused(key, type, error, synced),
    });
    const kept = { informer, kind, bytes: 0, usedAtMs: 0 };
    this.#kept.set(key, kept);
    log.debug({ kind }, 'informer started');
    return kept;
  }

  #resized(key: string, size: CopiesSize): void {
    const kept = this.#kept.get(key);
    if (!kept) return;
    this.#bytes += size.bytes - kept.bytes;
    kept.bytes = size.bytes;
    const { maxBytes, onSize, log } = this.#options;
    onSize(kept.kind, size);
    if (this.#bytes <= maxBytes) return;
    log.warn({ kind: kept.kind, ...size, maxBytes }, 'no room for copies of a kind: the cluster is asked each time');
    this.#bar(key, { error: undefined, untilMs: performance.now() + ROOM_AGAIN_MS }, new NoRoom());
  }

  #refused(key: string, type: ResourceType, error: KubeError, synced: boolean): void {
    const gone = error.status === 404;
    if (synced && !gone) {
      this.#options.log.warn(
        { err: error, kind: labelOf(type) },
        'a kind cannot be watched: the cluster is asked each time',
      );
      this.#bar(key, { error: undefined, untilMs: performance.now() + WATCH_AGAIN_MS }, error);
      return;
    }
    const told = gone ? noMatch(apiVersionOf(type), type.kind) : error;
    this.#bar(key, { error: told, untilMs: performance.now() + ASK_AGAIN_MS }, told);
  }

  #bar(key: string, barred: Barred, error: Error): void {
    this.#barred.set(key, barred);
    this.#end(key, error);
  }

  #endIdle(): void {
    const now = performance.now();
    for (const [key, { informer, usedAtMs, kind }] of this.#kept) {
      if (informer.isAwaited || now - usedAtMs < this.#options.idleMs) continue;
      this.#options.log.debug({ kind }, 'informer that nobody uses ended');
      this.#end(key, new Error('nobody used the informer'));
    }
  }

  #end(key: string, error: Error): void {
    const kept = this.#kept.get(key);
    if (!kept) return;
    this.#kept.delete(key);
    this.#bytes -= kept.bytes;
    this.#options.onSize(kept.kind, undefined);
    const ending = kept.informer.end(error).finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }
}

class NoRoom extends Error {}

const kindKey = (type: ResourceType): string => `${apiVersionOf(type)} ${type.resource}`;

const labelOf = ({ group, version, resource }: ResourceType): string =>
  [resource, version, group].filter(Boolean).join('.');
