import type { KubeObject } from '@jspolicy/contracts';

/** The same object with the keys of all objects in it in alphabetical order, as policies see them from jsPolicy. */
export const withSortedKeys = (object: KubeObject): KubeObject => sorted(object) as KubeObject;

const OWN = { enumerable: true, configurable: true, writable: true };

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const from = value as Record<string, unknown>;
  const to: Record<string, unknown> = {};
  // Twice as fast as entries: each object of a kind that is copied comes through here.
  for (const key of Object.keys(from).sort()) {
    const each = sorted(from[key]);
    if (key === '__proto__') Object.defineProperty(to, key, { ...OWN, value: each });
    else to[key] = each;
  }
  return to;
}
