import { byKind, noMatch, splitApiVersion } from '../object-names.ts';
import { KubeError, type RequestOptions, type ResourceType } from '../port.ts';
import type { HttpClient } from './http-client.ts';
import { groupPath } from './resource-path.ts';

interface Known {
  kinds: Map<string, ResourceType>;
  readAtMs: number;
}

interface ResourceList {
  resources?: { name: string; kind: string; namespaced: boolean }[];
}

/** A kind that is not there is asked for again only after so long: policies may ask for one with each request. */
const REFRESH_AFTER_MS = 250;

/** Which kinds the API server serves, one group and version at a time, kept until a kind is missed. */
export class Discovery {
  readonly #http: HttpClient;
  readonly #known = new Map<string, Known>();
  readonly #reading = new Map<string, Promise<Known>>();

  constructor(http: HttpClient) {
    this.#http = http;
  }

  /** Throws KubeError NotFound for a kind that is not served. */
  async resolve(apiVersion: string, kind: string, options: RequestOptions = {}): Promise<ResourceType> {
    const known = this.#known.get(apiVersion);
    const kept = known?.kinds.get(kind);
    if (kept) return kept;
    const fresh = known && performance.now() - known.readAtMs < REFRESH_AFTER_MS;
    const type = fresh ? undefined : (await this.#readOnce(apiVersion, options)).kinds.get(kind);
    if (!type) throw noMatch(apiVersion, kind);
    return type;
  }

  /** Callers at the same time share one request, unless theirs can be aborted. */
  #readOnce(apiVersion: string, options: RequestOptions): Promise<Known> {
    if (options.signal) return this.#read(apiVersion, options);
    const running = this.#reading.get(apiVersion);
    if (running) return running;
    const started = this.#read(apiVersion, options).finally(() => this.#reading.delete(apiVersion));
    this.#reading.set(apiVersion, started);
    return started;
  }

  async #read(apiVersion: string, options: RequestOptions): Promise<Known> {
    const known = { kinds: await this.#kindsOf(apiVersion, options), readAtMs: performance.now() };
    this.#known.set(apiVersion, known);
    return known;
  }

  async #kindsOf(apiVersion: string, options: RequestOptions): Promise<Map<string, ResourceType>> {
    const version = splitApiVersion(apiVersion);
    const request = { method: 'GET', path: groupPath(version), ...options } as const;
    const list = await this.#http.json(request).catch((error: unknown) => {
      if (error instanceof KubeError && error.status === 404) return {};
      throw error;
    });
    const served = ((list as ResourceList).resources ?? []).filter(({ name }) => !name.includes('/'));
    const types = served.map(({ name, kind, namespaced }) => ({ ...version, kind, resource: name, namespaced }));
    return byKind(types);
  }
}
