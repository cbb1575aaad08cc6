import type { KubeObject, WorkMessage } from '@jspolicy/contracts';
import type { Cluster } from '@jspolicy/kube';

/** Where objects are read. */
export interface ObjectSource {
  get(): Promise<{ cluster: Pick<Cluster, 'get'> }>;
  /** Whether a read may show more now than the one before. */
  refresh(): Promise<boolean>;
}

/** The object as it is now, never older than what was seen of it; undefined when it is gone. */
export async function currentObject(source: ObjectSource, work: WorkMessage): Promise<KubeObject | undefined> {
  const { name, namespace, ...type } = work.object;
  const { cluster } = await source.get();
  const object = await cluster.get(type, name, namespace);
  if (isAsSeen(object, work)) return object;
  return (await source.refresh()) ? cluster.get(type, name, namespace) : object;
}

const isAsSeen = (object: KubeObject | undefined, { seen }: WorkMessage): boolean =>
  seen.gone ? object === undefined : object?.metadata.resourceVersion === seen.resourceVersion;
