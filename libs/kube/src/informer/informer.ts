import { keyOf } from '../object-names.ts';
import { type Cluster, KubeError, type ResourceType, type Running } from '../port.ts';
import { type CopiesSize, ObjectCopies, type TextOf } from './object-copies.ts';

export interface InformerOptions {
  cluster: Pick<Cluster, 'watch'>;
  type: ResourceType;
  textOf: TextOf;
  /** After each change. */
  onSize(size: CopiesSize): void;
  /** Trouble that it goes on from. */
  onTrouble(error: Error): void;
  /** The cluster does not let the kind be read, or does not serve it any more: who is told ends the informer. */
  onRefused(error: KubeError, after: { synced: boolean }): void;
}

interface Waiting {
  resolve(): void;
  reject(error: unknown): void;
}

/** Answers that another try would not change. A server that is away is waited for. */
const REFUSALS = [401, 403, 404, 405];

/** Keeps copies of all objects of one kind current, until it is stopped or the cluster refuses. */
export class Informer {
  readonly copies = new ObjectCopies();
  readonly #options: InformerOptions;
  readonly #watch: Running;
  readonly #waiting = new Set<Waiting>();
  #synced = false;
  #ended: Error | undefined;

  constructor(options: InformerOptions) {
    this.#options = options;
    const changed = (change: () => void) => {
      // A watch that was ended may still be in the middle of a page.
      if (this.#ended) return;
      change();
      options.onSize(this.copies.size);
    };
    this.#watch = options.cluster.watch(options.type, {
      onChange: (object) => changed(() => this.copies.put(object, options.textOf(object))),
      onDelete: (object) => changed(() => this.copies.delete(keyOf(object))),
      onSynced: () => this.#becomeSynced(),
      onError: (error) => this.#meet(error),
    });
  }

  /** Somebody waits for the first list. */
  get isAwaited(): boolean {
    return this.#waiting.size > 0;
  }

  /**
   * Resolves when all that existed at the start is there. Throws what the informer ended with, or the signal's reason; the
   * informer itself goes on.
   */
  async synced(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (this.#ended) throw this.#ended;
    if (!this.#synced) await this.#firstList(signal);
  }

  /** Those who wait get the error. Idempotent. */
  async end(error: Error): Promise<void> {
    this.#ended ??= error;
    for (const waiting of this.#waiting) waiting.reject(this.#ended);
    await this.#watch.stop();
  }

  #becomeSynced(): void {
    this.#synced = true;
    for (const waiting of this.#waiting) waiting.resolve();
  }

  #meet(error: Error): void {
    if (this.#ended) return;
    if (error instanceof KubeError && REFUSALS.includes(error.status))
      this.#options.onRefused(error, { synced: this.#synced });
    else this.#options.onTrouble(error);
  }

  #firstList(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting.delete(waiting);
        signal?.removeEventListener('abort', onAbort);
      };
      const waiting = {
        resolve: () => {
          leave();
          resolve();
        },
        reject: (error: unknown) => {
          leave();
          reject(error);
        },
      };
      const onAbort = () => waiting.reject(signal?.reason);
      this.#waiting.add(waiting);
      signal?.addEventListener('abort', onAbort);
    });
  }
}
