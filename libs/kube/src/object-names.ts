import type { KubeObject } from '@jspolicy/contracts';
import { KubeError, type ResourceType } from './port.ts';

/** namespace/name, or the name of what has no namespace. */
export const keyOf = (object: KubeObject): string => joinKey(object.metadata.namespace, object.metadata.name);

export const joinKey = (namespace: string | undefined, name: string): string =>
  namespace === undefined || namespace === '' ? name : `${namespace}/${name}`;

export const apiVersionOf = (type: { group: string; version: string }): string =>
  type.group === '' ? type.version : `${type.group}/${type.version}`;

/** group and version of an apiVersion; the core group is ''. */
export function splitApiVersion(apiVersion: string): { group: string; version: string } {
  const slash = apiVersion.indexOf('/');
  return { group: apiVersion.slice(0, Math.max(slash, 0)), version: apiVersion.slice(slash + 1) };
}

/** `deployments.apps`, as messages of the API server write it. */
export const qualifiedResource = (type: ResourceType): string =>
  type.group === '' ? type.resource : `${type.resource}.${type.group}`;

export const noMatch = (apiVersion: string, kind: string): KubeError =>
  new KubeError(
    404,
    'NotFound',
    `no matches for kind ${JSON.stringify(kind)} in version ${JSON.stringify(apiVersion)}`,
  );

/** Types by their kind, and by the kind in lower case: policies ask for `pod` as well as for `Pod`, never for `pods`. */
export const byKind = (types: ResourceType[]): Map<string, ResourceType> =>
  new Map([
    ...types.map((type) => [type.kind.toLowerCase(), type] as const),
    ...types.map((type) => [type.kind, type] as const),
  ]);

/** Whether a kind is the one that was asked for, written as it is or in lower case. */
export const isKind = (kind: string, asked: string): boolean => kind === asked || kind.toLowerCase() === asked;

/**
 * A name becomes part of a path, of a URL or of a file: refuses what would lead elsewhere.
 * Throws KubeError BadRequest.
 */
export function checkSegment(name: string, what: string): string {
  if (typeof name !== 'string' || name === '' || name === '.' || name === '..' || /[/%]/.test(name)) {
    throw new KubeError(400, 'BadRequest', `not a valid ${what}: ${JSON.stringify(name)}`);
  }
  return name;
}

/** The namespace of a request for one object: needed for a namespaced kind, ignored for another. */
export function namespaceFor(type: ResourceType, namespace: string | undefined): string | undefined {
  if (!type.namespaced) return undefined;
  if (namespace === undefined || namespace === '') {
    throw new KubeError(400, 'BadRequest', `an empty namespace may not be set for ${qualifiedResource(type)}`);
  }
  return checkSegment(namespace, 'namespace');
}
