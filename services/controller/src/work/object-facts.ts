import type { KubeObject } from '@jspolicy/contracts';

export type Labels = Readonly<Record<string, string>>;

/** What is kept of an object that Controller policies follow: enough to queue it, never what stands in it. */
export interface ObjectFacts {
  name: string;
  namespace: string;
  uid: string;
  resourceVersion: string;
  labels: Labels;
  /** It has a deletionTimestamp. */
  leaving: boolean;
}

const NO_LABELS: Labels = {};

export function factsOf({ metadata }: KubeObject): ObjectFacts {
  const { name, namespace = '', uid = '', resourceVersion = '', labels = NO_LABELS, deletionTimestamp } = metadata;
  return { name, namespace, uid, resourceVersion, labels, leaving: deletionTimestamp !== undefined };
}

export const keyOf = ({ namespace, name }: Pick<ObjectFacts, 'namespace' | 'name'>): string => `${namespace}/${name}`;
