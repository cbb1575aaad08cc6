import { setImmediate } from 'node:timers/promises';
import type { KubeObject } from '@jspolicy/contracts';
import { backoffMs, pause } from '@jspolicy/runtime';
import { apiVersionOf, keyOf } from '../object-names.ts';
import type { ResourceType, Running, WatchHandler, WatchOptions } from '../port.ts';
import type { HttpClient } from './http-client.ts';
import { listPages } from './list-pages.ts';
import { collectionPath, query } from './resource-path.ts';
import { errorOfStatus, isExpired } from './status-error.ts';
import { type WatchEvent, watchEvents } from './watch-events.ts';

interface Seen {
  uid: string;
  resourceVersion: string;
}

/** Metadata alone, and no more of an object than a reader of names needs; kinds that have no such form come whole. */
const METADATA = ['PartialObjectMetadataList', 'PartialObjectMetadata'].map(
  (form) => `application/json;as=${form};g=meta.k8s.io;v=v1,application/json`,
) as [list: string, each: string];

const BACKOFF = { baseMs: 100, maxMs: 30_000 };
/** The API server ends a watch after this, at a random time so that not all come back at once. */
const WATCH_SECONDS = { min: 240, spread: 60 };
/** An API server that lets even so young a list expire is asked less and less often. */
const NEW_LIST_MS = 2000;

/** Objects of a page that are told in one go: who listens may take 50 us for each, and others wait for the process. */
const TOLD_AT_ONCE = 50;

/**
 * A connection that says nothing for so long may be dead at its other end, and a new one costs little. Bookmarks come
 * about once a minute where anything in the cluster changes.
 */
const SILENCE_MS = 120_000;

/**
 * Lists and watches one kind until it is stopped. Objects are handed on; of each only uid and resourceVersion are kept,
 * which is enough to tell, after a new list, what changed and what vanished meanwhile.
 */
export class Watch implements Running {
  readonly #http: HttpClient;
  readonly #type: ResourceType;
  readonly #handler: WatchHandler;
  readonly #metadataOnly: boolean;
  readonly #selected: Pick<WatchOptions, 'namespace' | 'fieldSelector'>;
  readonly #stopping = new AbortController();
  readonly #seen = new Map<string, Seen>();
  readonly #done: Promise<void>;
  #resourceVersion: string | undefined;
  #synced = false;
  #listedAtMs = 0;
  #failures = 0;

  constructor(http: HttpClient, type: ResourceType, handler: WatchHandler, options: WatchOptions = {}) {
    this.#http = http;
    this.#type = type;
    this.#handler = handler;
    const { metadataOnly = false, ...selected } = options;
    this.#metadataOnly = metadataOnly;
    this.#selected = selected;
    this.#done = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#done;
  }

  get #stopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      try {
        if (this.#resourceVersion === undefined) await this.#list();
        await this.#follow();
      } catch (error) {
        if (this.#stopped) return;
        await this.#recover(error);
      }
    }
  }

  async #recover(error: unknown): Promise<void> {
    if (isExpired(error)) {
      this.#resourceVersion = undefined;
      // Its place being too old is no failure, unless the place was new.
      if (performance.now() - this.#listedAtMs > NEW_LIST_MS) this.#failures = 0;
    } else this.#handler.onError(error instanceof Error ? error : new Error(String(error)));
    await this.#rest();
  }

  async #rest(): Promise<void> {
    await pause(backoffMs(this.#failures++, BACKOFF), this.#stopping.signal);
  }

  async #list(): Promise<void> {
    const { signal } = this.#stopping;
    const gone = new Map(this.#seen);
    let resourceVersion = '';
    for await (const page of listPages(this.#http, this.#type, {
      ...this.#selected,
      signal,
      ...(this.#metadataOnly && { accept: METADATA[0] }),
    })) {
      if (this.#stopped) return;
      resourceVersion = page.resourceVersion;
      for (const [index, object] of page.objects.entries()) {
        if (index % TOLD_AT_ONCE === TOLD_AT_ONCE - 1) await setImmediate();
        if (this.#stopped) return;
        gone.delete(keyOf(object));
        this.#changed(object);
      }
    }
    for (const [key, seen] of gone) this.#vanished(key, seen);
    this.#resourceVersion = resourceVersion;
    this.#listedAtMs = performance.now();
    if (!this.#synced) this.#handler.onSynced();
    this.#synced = true;
  }

  async #follow(): Promise<void> {
    const { namespace, fieldSelector } = this.#selected;
    const parameters = {
      fieldSelector,
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: this.#resourceVersion,
      timeoutSeconds: Math.round(WATCH_SECONDS.min + Math.random() * WATCH_SECONDS.spread),
    };
    const path = collectionPath(this.#type, namespace) + query(parameters);
    const startedMs = performance.now();
    const { signal } = this.#stopping;
    const accept = this.#metadataOnly ? { accept: METADATA[1] } : {};
    const response = await this.#http.stream({ method: 'GET', path, signal, idleMs: SILENCE_MS, ...accept });
    for await (const event of watchEvents(response)) {
      if (this.#stopped) return;
      this.#take(event);
      this.#failures = 0;
    }
    // A server that ends each watch at once is not asked again at once.
    if (!this.#stopped && performance.now() - startedMs < 1000) await this.#rest();
  }

  #take({ type, object }: WatchEvent): void {
    if (type === 'ERROR') throw errorOfStatus(object, 500);
    if (type === 'DELETED') {
      this.#seen.delete(keyOf(object));
      this.#handler.onDelete(object);
    } else if (type !== 'BOOKMARK') this.#changed(object);
    this.#resourceVersion = object.metadata.resourceVersion ?? this.#resourceVersion;
  }

  /** Tells of what is new. An object of another uid took the place of one whose end was not seen. */
  #changed(object: KubeObject): void {
    const key = keyOf(object);
    const { uid = '', resourceVersion = '' } = object.metadata;
    const before = this.#seen.get(key);
    if (before && before.uid !== uid) this.#vanished(key, before);
    else if (before?.resourceVersion === resourceVersion) return;
    this.#seen.set(key, { uid, resourceVersion });
    this.#handler.onChange(object);
  }

  #vanished(key: string, { uid, resourceVersion }: Seen): void {
    this.#seen.delete(key);
    const slash = key.indexOf('/');
    const namespace = slash < 0 ? {} : { namespace: key.slice(0, slash) };
    const metadata = { name: key.slice(slash + 1), ...namespace, uid, resourceVersion };
    this.#handler.onDelete({ apiVersion: apiVersionOf(this.#type), kind: this.#type.kind, metadata });
  }
}
