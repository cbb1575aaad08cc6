import { checkSegment, namespaceFor } from '../object-names.ts';
import type { ResourceType } from '../port.ts';

/** /api/v1 or /apis/GROUP/VERSION. */
export function groupPath({ group, version }: { group: string; version: string }): string {
  const last = encodeURIComponent(checkSegment(version, 'version'));
  return group === '' ? `/api/${last}` : `/apis/${encodeURIComponent(checkSegment(group, 'group'))}/${last}`;
}

/** Of a list: all namespaces when none is given. */
export function collectionPath(type: ResourceType, namespace: string | undefined): string {
  const inside =
    type.namespaced && namespace ? `/namespaces/${encodeURIComponent(checkSegment(namespace, 'namespace'))}` : '';
  return `${groupPath(type)}${inside}/${encodeURIComponent(type.resource)}`;
}

/** Of one object, or of its subresource. */
export function objectPath(type: ResourceType, name: string, namespace?: string, subresource?: 'status'): string {
  const collection = collectionPath(type, namespaceFor(type, namespace));
  const path = `${collection}/${encodeURIComponent(checkSegment(name, 'name'))}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}

/** A query string; what is undefined or empty is left out. */
export function query(parameters: Record<string, string | number | undefined>): string {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== '');
  const search = new URLSearchParams(Object.fromEntries(given.map(([key, value]) => [key, String(value)])));
  return search.size === 0 ? '' : `?${search}`;
}
