import type { KubeObject } from '@jspolicy/contracts';
import { apiVersionOf } from '../object-names.ts';
import { KubeError, type ListOptions, type ResourceType } from '../port.ts';
import type { HttpClient, HttpRequest } from './http-client.ts';
import { collectionPath, query } from './resource-path.ts';
import { isExpired } from './status-error.ts';

/** client-go's own page size. */
export const PAGE_SIZE = 500;

interface ListAnswer {
  metadata?: { continue?: string; resourceVersion?: string };
  items?: Record<string, unknown>[] | null;
}

export interface Page {
  objects: KubeObject[];
  /** The state that all pages of one list show. */
  resourceVersion: string;
}

/** Pages of one list, in order. Throws KubeError with status 410 when a page comes too late: begin again then. */
export async function* listPages(
  http: HttpClient,
  type: ResourceType,
  options: ListOptions & Pick<HttpRequest, 'accept'> = {},
): AsyncGenerator<Page> {
  const { labelSelector, fieldSelector, signal, accept } = options;
  let left = options.limit ?? Number.POSITIVE_INFINITY;
  let next: string | undefined;
  const onText = options.maxBytes === undefined ? undefined : bounded(options.maxBytes);
  do {
    const limit = Math.min(PAGE_SIZE, left);
    const path =
      collectionPath(type, options.namespace) + query({ labelSelector, fieldSelector, limit, continue: next });
    const answer = (await http.json({
      method: 'GET',
      path,
      ...(accept && { accept }),
      ...(signal && { signal }),
      ...(onText && { onText }),
    })) as ListAnswer;
    const objects = (answer.items ?? []).slice(0, limit).map((item) => withType(type, item));
    yield { objects, resourceVersion: answer.metadata?.resourceVersion ?? '' };
    left -= objects.length;
    next = answer.metadata?.continue;
  } while (next && left > 0);
}

/** Throws when the pages of one list are larger together. */
function bounded(maxBytes: number): (length: number) => void {
  let left = maxBytes;
  return (length) => {
    left -= length;
    if (left >= 0) return;
    throw new KubeError(413, 'RequestEntityTooLarge', `the list is larger than ${maxBytes} bytes`);
  };
}

/** Everything that the options ask for. A list that expired between two pages is read once more from its start. */
export async function listAll(http: HttpClient, type: ResourceType, options: ListOptions = {}): Promise<KubeObject[]> {
  try {
    return await collect(listPages(http, type, options));
  } catch (error) {
    if (!isExpired(error)) throw error;
    return collect(listPages(http, type, options));
  }
}

async function collect(pages: AsyncGenerator<Page>): Promise<KubeObject[]> {
  const objects: KubeObject[] = [];
  for await (const page of pages) objects.push(...page.objects);
  return objects;
}

/** Items of a list of a built-in kind come without apiVersion and kind. */
function withType(type: ResourceType, item: Record<string, unknown>): KubeObject {
  return { apiVersion: apiVersionOf(type), kind: type.kind, ...item } as KubeObject;
}
