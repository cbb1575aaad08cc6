import type { KubeObject } from '@jspolicy/contracts';
import type { Logger } from '@jspolicy/runtime';
import { joinKey, keyOf, namespaceFor } from '../object-names.ts';
import type { Cluster, LeaseHandler, Running } from '../port.ts';
import { matchesLabels, parseFieldSelector, parseLabelSelector } from '../selector.ts';
import { objectsOf, watchView } from './directory-watching.ts';
import type { ProblemHandler, ToldProblem } from './manifest-news.ts';
import { manifestKey } from './manifests.ts';
import type { SourcePlace } from './source-place.ts';
import { Store } from './store.ts';
import { typesOf } from './types-of-view.ts';
import { resolveType } from './view.ts';
import { DirectoryWrites } from './writes.ts';

export interface DirectoryOptions extends ProblemHandler {
  /** Directory of the users' YAML and JSON files, read with all below it and never written. */
  manifests: string;
  /** Directory for what services write; made when it is missing. It may lie inside of the other. */
  state: string;
  log: Logger;
  /** Nothing is ever written: every write is answered as a dry run, of a manifest's object too. Default: false. */
  dryRunOnly?: boolean;
  /** The directory, or what is written beside it, cannot be read or written now; what was read last stays in force. */
  onUnreadable?(error: Error): void;
  /** It can again. */
  onReadable?(): void;
}

export interface DirectoryCluster extends Cluster {
  /** What is wrong with the manifests at this moment. */
  readonly problems: readonly ToldProblem[];
  /** Where spec.javascript of this object stands in its author's file; undefined for what is not from a manifest. */
  sourceOf(object: KubeObject): SourcePlace | undefined;
  /** Resolves when the files as they are now have been read and told to the watches. */
  refresh(): Promise<void>;
  /** Stops looking at the files. */
  close(): Promise<void>;
}

/**
 * A cluster made of files, for several processes on one machine: each opens it by itself and sees what the others write
 * within a second, usually 100 ms. Resolves when everything was read once. Throws when `manifests` cannot be read.
 */
export async function openDirectory(options: DirectoryOptions): Promise<DirectoryCluster> {
  const { log, manifests } = options;
  const store = new Store({
    ...options,
    onTrouble(err) {
      log.warn({ err, manifests }, 'manifests not read, what was read last stays in force');
      options.onUnreadable?.(err instanceof Error ? err : new Error(String(err)));
    },
    onRecovered() {
      log.info({ manifests }, 'manifests are read again');
      options.onReadable?.();
    },
  });
  try {
    await store.refresh();
  } catch (error) {
    await store.close();
    throw error;
  }
  return directoryCluster(store, options);
}

function directoryCluster(store: Store, { dryRunOnly }: DirectoryOptions): DirectoryCluster {
  const writes = new DirectoryWrites(store, { dryRunOnly });
  return {
    get problems() {
      return store.manifests.problems;
    },
    async resolve(apiVersion, kind) {
      return resolveType(store.view, apiVersion, kind);
    },
    async types() {
      return typesOf(store.view);
    },
    async get(type, name, namespace) {
      const key = joinKey(namespaceFor(type, namespace), name);
      const found = objectsOf(store.view, type).find(
        ({ metadata }) => joinKey(metadata.namespace, metadata.name) === key,
      );
      return found && structuredClone(found);
    },
    async list(type, { namespace, labelSelector = '', fieldSelector = '', limit } = {}) {
      const labels = parseLabelSelector(labelSelector);
      const fields = parseFieldSelector(fieldSelector);
      const inside = type.namespaced && namespace ? namespace : undefined;
      const wanted = objectsOf(store.view, type)
        .filter((object) => inside === undefined || object.metadata.namespace === inside)
        .filter((object) => matchesLabels(labels, object.metadata.labels) && fields(object))
        // The API server's own order.
        .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
      return structuredClone(wanted.slice(0, limit));
    },
    create: (type, object, request) => writes.create(type, object, request),
    update: (type, object, request) => writes.update(type, object, request),
    updateStatus: (type, object, request) => writes.updateStatus(type, object, request),
    remove: (type, name, namespace, request) => writes.remove(type, name, namespace, request),
    watch: (type, handler, selected) => watchView(store, type, handler, selected),
    elect: (_name, _identity, handler) => electAlone(handler),
    sourceOf: (object) => store.manifests.objects.get(manifestKey(object))?.source,
    refresh: () => store.refresh(),
    close: () => store.close(),
  };
}

/** Whoever runs on these files runs each service that leads once: the Lease is granted at once. */
function electAlone(handler: LeaseHandler): Running {
  let state: 'asked' | 'held' | 'ended' = 'asked';
  queueMicrotask(() => {
    if (state === 'ended') return;
    state = 'held';
    handler.onAcquired();
  });
  return {
    async stop() {
      const held = state === 'held';
      state = 'ended';
      if (held) handler.onLost();
    },
  };
}
