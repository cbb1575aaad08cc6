import type { ListOptions, ResourceType } from '@jspolicy/kube';
import { HostCallError } from '@jspolicy/sandbox';
import { CallOptions } from './call-options.ts';
import type { ClusterReader } from './cluster-reader.ts';
import { asHostCallError, kubeErrorOf } from './host-call-error.ts';
import { kindProblem } from './kind-problem.ts';

/** list(kind, apiVersion, {namespace, labelSelector, fieldSelector, limit, cache}?): an array, empty when nothing matches. */
export async function listObjects(args: unknown[], reader: ClusterReader, signal: AbortSignal): Promise<unknown> {
  const [kind, apiVersion, given] = args;
  if (typeof kind !== 'string' || typeof apiVersion !== 'string') {
    throw new HostCallError('WrongArguments', 'kind and group version need to be string values');
  }
  const options = new CallOptions(given, 'ListOptions');
  const from = options.flag('cache') === false ? 'cluster' : 'copy';
  const query = listOptions(options);
  // An empty kind is the kind of a list for Go's client: it is looked for, and not found.
  const problem = kindProblem(apiVersion, kind || 'List');
  if (problem) throw new HostCallError('ErrorListing', problem);
  try {
    const type = await listedType(apiVersion, kind, reader, signal);
    const { namespace, ...rest } = query;
    return await reader.list(type, { ...rest, ...(type.namespaced && namespace ? { namespace } : {}), signal }, from);
  } catch (error) {
    throw selectorError(query.labelSelector, error) ?? asHostCallError('ErrorListing', error);
  }
}

/** `PodList` lists Pods as well as `Pod`; a kind whose own name ends so comes first. */
async function listedType(
  apiVersion: string,
  kind: string,
  reader: ClusterReader,
  signal: AbortSignal,
): Promise<ResourceType> {
  const ofItems = kind.endsWith('List') ? kind.slice(0, -'List'.length) : '';
  if (ofItems === '') return reader.resolve(apiVersion, kind, signal);
  return reader.resolve(apiVersion, kind, signal).catch((error: unknown) => {
    if (kubeErrorOf(error)?.reason !== 'NotFound') throw error;
    return reader.resolve(apiVersion, ofItems, signal);
  });
}

function listOptions(options: CallOptions): ListOptions {
  const namespace = options.text('namespace');
  const labelSelector = options.text('labelSelector');
  const fieldSelector = options.text('fieldSelector');
  const limit = options.wholeNumber('limit');
  return {
    ...(namespace && { namespace }),
    ...(labelSelector && { labelSelector }),
    ...(fieldSelector && { fieldSelector }),
    ...(limit !== undefined && limit > 0 && { limit }),
  };
}

/** A label selector that the cluster cannot read has an error of its own. */
function selectorError(labelSelector: string | undefined, error: unknown): HostCallError | undefined {
  const kubeError = kubeErrorOf(error);
  if (!labelSelector || kubeError?.reason !== 'BadRequest' || /field/i.test(kubeError.message)) return undefined;
  const text = `couldn't parse the selector string ${JSON.stringify(labelSelector)}: ${kubeError.message}`;
  return new HostCallError('ParseLabelSelector', text, { cause: error });
}
