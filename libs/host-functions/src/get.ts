import type { ResourceType } from '@jspolicy/kube';
import { HostCallError } from '@jspolicy/sandbox';
import { CallOptions } from './call-options.ts';
import type { ClusterReader, ReadFrom } from './cluster-reader.ts';
import { asHostCallError } from './host-call-error.ts';
import { kindProblem } from './kind-problem.ts';
import { segmentProblem } from './path-segment.ts';

interface Key {
  name: string;
  namespace?: string;
}

/**
 * get(kind, apiVersion, name, {cache}?): the object, undefined when there is none. Names that no object can have give
 * undefined too where a copy would be asked, and an error with `cache: false`.
 */
export async function getObject(args: unknown[], reader: ClusterReader, signal: AbortSignal): Promise<unknown> {
  const [kind, apiVersion, name, options] = args;
  if (typeof kind !== 'string' || typeof apiVersion !== 'string' || typeof name !== 'string') {
    throw new HostCallError('WrongArguments', 'kind, group version and name need to be string values');
  }
  const from = readFrom(options);
  const problem = kindProblem(apiVersion, kind);
  if (problem) throw new HostCallError('RetrieveObject', problem);
  try {
    const type = await reader.resolve(apiVersion, kind, signal);
    return await read(type, keyOf(name), from, reader, signal);
  } catch (error) {
    throw asHostCallError('RetrieveObject', error);
  }
}

function readFrom(given: unknown): ReadFrom {
  if ((given as { cache?: unknown } | null | undefined)?.cache === 'smart') return 'copy-then-cluster';
  return new CallOptions(given, 'GetOptions').flag('cache') === false ? 'cluster' : 'copy';
}

/** `namespace/name`, or a name. */
function keyOf(text: string): Key {
  const [namespace, name, ...more] = text.split('/');
  return namespace !== undefined && name !== undefined && more.length === 0 ? { namespace, name } : { name: text };
}

async function read(
  type: ResourceType,
  { name, namespace }: Key,
  from: ReadFrom,
  reader: ClusterReader,
  signal: AbortSignal,
): Promise<unknown> {
  const wrong = wrongName(type, name, namespace);
  if (wrong && from === 'copy') return undefined;
  if (wrong) throw new HostCallError('RetrieveObject', wrong);
  return reader.get(type, { name, ...(type.namespaced && namespace ? { namespace } : {}) }, from, signal);
}

function wrongName(type: ResourceType, name: string, namespace: string | undefined): string | undefined {
  if (name === '') return 'resource name may not be empty';
  const problem = segmentProblem(name) ?? (type.namespaced && namespace ? segmentProblem(namespace) : undefined);
  if (problem) return `invalid resource name ${JSON.stringify(name)}: [${problem}]`;
  return type.namespaced && !namespace
    ? 'an empty namespace may not be set when a resource name is provided'
    : undefined;
}
