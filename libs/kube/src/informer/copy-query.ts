import type { KubeObject } from '@jspolicy/contracts';
import { KubeError, type ListOptions, type ResourceType } from '../port.ts';
import { matchesLabels, parseFieldSelector, parseLabelSelector } from '../selector.ts';
import type { ObjectCopies, ObjectCopy } from './object-copies.ts';

/** What list options ask of copies. */
export interface CopyQuery {
  namespace: string | undefined;
  limit: number;
  matches(copy: ObjectCopy): boolean;
}

/**
 * undefined for what only the cluster can judge: fields of one kind alone, and selectors that are not understood here,
 * so that the error is the cluster's own.
 */
export function copyQuery(type: Pick<ResourceType, 'namespaced'>, options: ListOptions): CopyQuery | undefined {
  const { namespace, labelSelector = '', fieldSelector = '', limit = Number.POSITIVE_INFINITY } = options;
  // What has no namespace does not know the field.
  if (!type.namespaced && fieldSelector.includes('metadata.namespace')) return undefined;
  const parsed = understood(() => [parseLabelSelector(labelSelector), parseFieldSelector(fieldSelector)] as const);
  if (!parsed) return undefined;
  const [labels, fields] = parsed;
  const named = fieldSelector === '' ? undefined : fields;
  return {
    namespace,
    limit,
    matches: (copy) => matchesLabels(labels, copy.labels) && (named?.(identityOf(copy)) ?? true),
  };
}

export function findCopies(copies: ObjectCopies, { namespace, limit, matches }: CopyQuery): ObjectCopy[] {
  const found: ObjectCopy[] = [];
  for (const copy of copies.inside(namespace)) {
    if (found.length >= limit) break;
    if (matches(copy)) found.push(copy);
  }
  return found;
}

function understood<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof KubeError && error.reason === 'BadRequest') return undefined;
    throw error;
  }
}

const identityOf = ({ name, namespace }: ObjectCopy): KubeObject => ({
  apiVersion: '',
  kind: '',
  metadata: { name, ...(namespace !== undefined && { namespace }) },
});
