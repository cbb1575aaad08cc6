import type { KubeObject } from '@jspolicy/contracts';
import { apiVersionOf, keyOf } from '../object-names.ts';
import type { ResourceType, Running, WatchHandler, WatchOptions } from '../port.ts';
import { parseFieldSelector } from '../selector.ts';
import type { Store } from './store.ts';
import type { View } from './view.ts';

/** The objects of one type in a view. */
export function objectsOf(view: View, type: ResourceType): KubeObject[] {
  const apiVersion = apiVersionOf(type);
  return [...view.values()].flatMap(({ object }) =>
    object.apiVersion === apiVersion && object.kind === type.kind ? [object] : [],
  );
}

/** Tells what differs from one view to the next. Handlers get copies: the view is shared. */
export function watchView(
  store: Store,
  type: ResourceType,
  handler: WatchHandler,
  { namespace, fieldSelector = '' }: WatchOptions = {},
): Running {
  const fields = parseFieldSelector(fieldSelector);
  const isWanted = (object: KubeObject) =>
    (namespace === undefined || !type.namespaced || object.metadata.namespace === namespace) && fields(object);
  let seen = new Map<string, KubeObject>();
  let stopped = false;
  const tell = (view: View): void => {
    const before = seen;
    seen = new Map(
      objectsOf(view, type)
        .filter(isWanted)
        .map((object) => [keyOf(object), object]),
    );
    for (const [key, object] of before) {
      const now = stopped ? object : seen.get(key);
      if (now?.metadata.uid !== object.metadata.uid) handler.onDelete(structuredClone(object));
    }
    for (const [key, object] of seen) {
      const known = before.get(key);
      const same =
        known?.metadata.uid === object.metadata.uid &&
        known?.metadata.resourceVersion === object.metadata.resourceVersion;
      if (!same && !stopped) handler.onChange(structuredClone(object));
    }
  };
  let leave = (): unknown => undefined;
  // Not before watch() has returned: a handler may use what it returns.
  queueMicrotask(() => {
    if (stopped) return;
    leave = store.listen(tell);
    tell(store.view);
    if (!stopped) handler.onSynced();
  });
  return {
    async stop() {
      stopped = true;
      leave();
    },
  };
}
