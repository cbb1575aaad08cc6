import type { ObjectMeta, ViolationObject } from '@jspolicy/contracts';
import { type Cluster, KubeError, type Running, type WatchHandler } from '@jspolicy/kube';
import { type Logger, pause } from '@jspolicy/runtime';
import { kindKey } from './report-model.ts';

const RETRY_MS = 30_000;

/** What was seen to end so long ago is known by its absence. */
export const SETTLED_MS = 60_000;

interface Kind {
  synced: boolean;
  /** uid by namespace/name. */
  uids: Map<string, string>;
  /** When the end of an object was seen, for a while. */
  goneAtMs: Map<string, number>;
  watch?: Running;
}

/** `uid`: of what is there; absent: nothing is. */
export interface Life {
  uid?: string;
  goneAtMs?: number;
}

export interface LiveObjectsParts {
  cluster: Cluster;
  log: Logger;
  onGone(): void;
}

/** Which objects there are, of the kinds that were asked about: their names and uids alone. */
export class LiveObjects {
  readonly #parts: LiveObjectsParts;
  readonly #kinds = new Map<string, Kind>();
  readonly #stopping = new AbortController();

  constructor(parts: LiveObjectsParts) {
    this.#parts = parts;
  }

  /** Begins to follow a kind, once. A kind that cannot be watched stays unknown. */
  follow(apiVersion: string, kind: string): void {
    const key = kindKey(apiVersion, kind);
    if (this.#kinds.has(key)) return;
    const followed: Kind = { synced: false, uids: new Map(), goneAtMs: new Map() };
    this.#kinds.set(key, followed);
    void this.#watch(apiVersion, kind, followed);
  }

  /** undefined: not known, for now or for good. */
  lifeOf({ apiVersion = '', kind = '', namespace = '', name }: ViolationObject): Life | undefined {
    const found = this.#kinds.get(kindKey(apiVersion, kind));
    if (!found?.synced || !name) return undefined;
    const key = `${namespace}/${name}`;
    const uid = found.uids.get(key);
    const goneAtMs = found.goneAtMs.get(key);
    return { ...(uid !== undefined && { uid }), ...(goneAtMs !== undefined && { goneAtMs }) };
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all([...this.#kinds.values()].map(({ watch }) => watch?.stop()));
  }

  async #watch(apiVersion: string, kind: string, followed: Kind): Promise<void> {
    const { cluster, log } = this.#parts;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        const type = await cluster.resolve(apiVersion, kind, { signal });
        if (!signal.aborted)
          followed.watch = cluster.watch(type, this.#handler(followed, kind), { metadataOnly: true });
        return;
      } catch (err) {
        // A subresource has a kind of its own, which nobody can watch.
        if (signal.aborted || (err instanceof KubeError && err.status === 404)) return;
        log.warn({ err, apiVersion, kind }, 'kind cannot be looked up, its reports stay');
        await pause(RETRY_MS, signal);
      }
    }
  }

  #handler(followed: Kind, kind: string): WatchHandler {
    const { log, onGone } = this.#parts;
    const { uids, goneAtMs } = followed;
    return {
      onChange: ({ metadata }) => void uids.set(placeOf(metadata), metadata.uid ?? ''),
      onDelete: ({ metadata }) => {
        uids.delete(placeOf(metadata));
        forgetBefore(goneAtMs, Date.now() - SETTLED_MS);
        goneAtMs.delete(placeOf(metadata));
        goneAtMs.set(placeOf(metadata), Date.now());
        onGone();
      },
      onSynced: () => {
        followed.synced = true;
        onGone();
      },
      onError: (err) => log.debug({ err, kind }, 'watch for reports'),
    };
  }
}

const placeOf = ({ namespace = '', name }: ObjectMeta): string => `${namespace}/${name}`;

/** The oldest are first. */
function forgetBefore(times: Map<string, number>, beforeMs: number): void {
  for (const [key, timeMs] of times) {
    if (timeMs >= beforeMs) return;
    times.delete(key);
  }
}
