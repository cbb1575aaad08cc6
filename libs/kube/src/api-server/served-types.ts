import { splitApiVersion } from '../object-names.ts';
import type { RequestOptions, ResourceType } from '../port.ts';
import type { HttpClient } from './http-client.ts';
import { groupPath } from './resource-path.ts';

/** All groups in one answer; API servers before 1.27 do not know it and answer in the form of the second one. */
const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json';

/** What one version of a group serves, in either form of the answer. */
interface Served {
  group: string;
  version: string;
  resources: { resource: string; kind: string; namespaced: boolean; verbs: string[] }[];
}

interface Aggregated {
  kind: 'APIGroupDiscoveryList';
  items?: { metadata?: { name?: string }; versions?: { version: string; resources?: AggregatedResource[] }[] }[];
}

interface AggregatedResource {
  resource: string;
  responseKind?: { kind?: string };
  scope: 'Namespaced' | 'Cluster';
  verbs?: string[];
}

interface GroupList {
  kind: 'APIGroupList';
  groups?: { versions: { groupVersion: string }[]; preferredVersion?: { groupVersion: string } }[];
}

interface CoreVersions {
  kind: 'APIVersions';
  versions?: string[];
}

/** What the API server serves now. Throws KubeError; a group whose own server is down is left out. */
export async function servedTypes(http: HttpClient, options: RequestOptions = {}): Promise<ResourceType[]> {
  const lists = await Promise.all(['/api', '/apis'].map((path) => readAll(http, path, options)));
  return lists
    .flat()
    .flatMap(({ group, version, resources }) =>
      resources
        .filter(({ resource, verbs }) => !resource.includes('/') && verbs.includes('list') && verbs.includes('watch'))
        .map(({ resource, kind, namespaced }) => ({ group, version, kind, resource, namespaced })),
    );
}

async function readAll(http: HttpClient, path: string, options: RequestOptions): Promise<Served[]> {
  const answer = (await http.json({ method: 'GET', path, accept: AGGREGATED, ...options })) as
    | Aggregated
    | GroupList
    | CoreVersions;
  if (answer.kind === 'APIGroupDiscoveryList') return fromAggregated(answer);
  const versions = answer.kind === 'APIVersions' ? (answer.versions ?? []) : preferredFirst(answer);
  const read = await Promise.allSettled(versions.map((version) => readVersion(http, version, options)));
  options.signal?.throwIfAborted();
  return read.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
}

const fromAggregated = ({ items = [] }: Aggregated): Served[] =>
  items.flatMap(({ metadata, versions = [] }) =>
    versions.map(({ version, resources = [] }) => ({
      group: metadata?.name ?? '',
      version,
      resources: resources.map(({ resource, responseKind, scope, verbs = [] }) => ({
        resource,
        kind: responseKind?.kind ?? '',
        namespaced: scope === 'Namespaced',
        verbs,
      })),
    })),
  );

const preferredFirst = ({ groups = [] }: GroupList): string[] =>
  groups.flatMap(({ versions, preferredVersion }) => {
    const names = versions.map(({ groupVersion }) => groupVersion);
    return preferredVersion ? [...new Set([preferredVersion.groupVersion, ...names])] : names;
  });

async function readVersion(http: HttpClient, apiVersion: string, options: RequestOptions): Promise<Served> {
  const version = splitApiVersion(apiVersion);
  const { resources = [] } = (await http.json({ method: 'GET', path: groupPath(version), ...options })) as {
    resources?: { name: string; kind: string; namespaced: boolean; verbs?: string[] }[];
  };
  return {
    ...version,
    resources: resources.map(({ name, verbs = [], ...resource }) => ({ ...resource, resource: name, verbs })),
  };
}
