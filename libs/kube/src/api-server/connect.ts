import type { KubeObject } from '@jspolicy/contracts';
import type { Logger } from '@jspolicy/runtime';
import { namespaceFor } from '../object-names.ts';
import { type Cluster, KubeError, type RequestOptions, type ResourceType, type WriteOptions } from '../port.ts';
import { loadCredentials } from './credentials.ts';
import { Discovery } from './discovery.ts';
import { ELECTION_TIMES, Election, type ElectionTimes } from './election.ts';
import { HttpClient, type HttpRequest } from './http-client.ts';
import { LeaseRecord } from './lease-record.ts';
import { listAll } from './list-pages.ts';
import { collectionPath, objectPath, query } from './resource-path.ts';
import { servedTypes } from './served-types.ts';
import { Watch } from './watch.ts';

export interface ApiServerOptions {
  /** Path of a kubeconfig file; absent: the Pod's service account, else $KUBECONFIG, else ~/.kube/config. */
  kubeconfig?: string;
  log: Logger;
  /** Where Leases are kept; it is created when it is missing. Default: jspolicy. */
  namespace?: string;
  electionTimes?: Partial<ElectionTimes>;
}

export interface ApiServerCluster extends Cluster {
  /** Of the API server, as it tells it: v1.35.4. Throws KubeError. */
  version(options?: RequestOptions): Promise<string>;
  /** Drops kept connections. Watches and elections are stopped by who started them. */
  close(): void;
}

/**
 * A cluster behind an API server. Reads the configuration only: nothing is sent yet, so the server may come later.
 * Requests throw KubeError; status 0 and reason ServiceUnavailable when no answer came. An aborted signal throws its reason.
 */
export async function connectApiServer(options: ApiServerOptions): Promise<ApiServerCluster> {
  const http = new HttpClient(await loadCredentials(options.kubeconfig));
  const discovery = new Discovery(http);
  const { log, namespace = 'jspolicy' } = options;
  const cluster: ApiServerCluster = {
    ...objectRequests(http),
    version: (request) => serverVersion(http, request),
    resolve: (apiVersion, kind, request) => discovery.resolve(apiVersion, kind, request),
    types: (request) => servedTypes(http, request),
    list: (type, request) => listAll(http, type, request),
    watch: (type, handler, options) => new Watch(http, type, handler, options),
    elect(name, identity, handler) {
      const times = { ...ELECTION_TIMES, ...options.electionTimes };
      const onTrouble = (err: unknown) => log.warn({ err, lease: name }, 'lease not written');
      return new Election(new LeaseRecord(cluster, namespace, name), identity, handler, { times, onTrouble });
    },
    close: () => http.close(),
  };
  return cluster;
}

async function serverVersion(http: HttpClient, options: RequestOptions = {}): Promise<string> {
  const { gitVersion } = (await http.json({ method: 'GET', path: '/version', ...options })) as { gitVersion?: string };
  return gitVersion ?? 'unknown';
}

type ObjectRequests = Pick<Cluster, 'get' | 'create' | 'update' | 'updateStatus' | 'remove'>;

function objectRequests(http: HttpClient): ObjectRequests {
  const send = async (request: HttpRequest): Promise<KubeObject> => (await http.json(request)) as KubeObject;
  const put = (type: ResourceType, object: KubeObject, options: WriteOptions, subresource?: 'status') => {
    const path = objectPath(type, object.metadata.name, object.metadata.namespace, subresource);
    return send({ method: 'PUT', ...written(path, options), body: object });
  };
  return {
    async get(type, name, namespace, options) {
      const path = objectPath(type, name, namespace);
      return send({ method: 'GET', path, ...options }).catch(undefinedWhenMissing);
    },
    async create(type, object, options = {}) {
      const path = collectionPath(type, namespaceFor(type, object.metadata.namespace));
      return send({ method: 'POST', ...written(path, options), body: object });
    },
    async update(type, object, options = {}) {
      return put(type, object, options);
    },
    async updateStatus(type, object, options = {}) {
      return put(type, object, options, 'status');
    },
    async remove(type, name, namespace, { mustExist, ...options } = {}) {
      const sent = send({ method: 'DELETE', ...written(objectPath(type, name, namespace), options) });
      await (mustExist ? sent : sent.catch(undefinedWhenMissing));
    },
  };
}

const written = (path: string, { dryRun, signal }: WriteOptions) => ({
  path: path + query({ dryRun: dryRun ? 'All' : undefined }),
  ...(signal && { signal }),
});

/** 404 also means that the kind or the namespace is not there: for a reader that is the same. */
function undefinedWhenMissing(error: unknown): undefined {
  if (error instanceof KubeError && error.status === 404) return undefined;
  throw error;
}
