import type { KubeObject } from '@jspolicy/contracts';

/** The same object with the keys of all objects in it in alphabetical order, as policies see them from jsPolicy. */
export const withSortedKeys = (object: KubeObject): KubeObject => sorted(object) as KubeObject;

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, each]) => [key, sorted(each)]));
}
