import { createLogger } from '@jspolicy/runtime';
import type { Cluster, ListOptions, ResourceType } from '../port.ts';
import { Informers } from './informers.ts';
import type { CopiesSize } from './object-copies.ts';

const log = createLogger({ service: 'test', level: 'silent' });

/** Informers whose sizes are kept, with answers parsed. */
export function testInformers(cluster: Pick<Cluster, 'watch'>, limits: { maxBytes?: number; idleMs?: number } = {}) {
  const sizes = new Map<string, CopiesSize>();
  let watches = 0;
  const informers = new Informers({
    cluster: {
      watch(type, handler) {
        watches += 1;
        return cluster.watch(type, handler);
      },
    },
    textOf: JSON.stringify,
    maxBytes: 100 * 1024 * 1024,
    idleMs: 60_000,
    onSize: (kind, size) => (size ? sizes.set(kind, size) : sizes.delete(kind)),
    log,
    ...limits,
  });
  return {
    informers,
    sizes,
    watches: () => watches,
    list: async (type: ResourceType, options: ListOptions = {}) =>
      (await informers.list(type, options))?.map((text) => JSON.parse(Buffer.from(text).toString())),
    names: async (type: ResourceType, options: ListOptions = {}) =>
      (await informers.list(type, options))?.map((text) => JSON.parse(Buffer.from(text).toString()).metadata.name),
    get: async (type: ResourceType, namespace: string, name: string) => {
      const found = await informers.get(type, { namespace, name });
      return found?.text && JSON.parse(Buffer.from(found.text).toString());
    },
  };
}
