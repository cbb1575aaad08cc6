import { type Cluster, KubeError, type ListOptions, type ResourceType } from '@jspolicy/kube';
import { pause } from '@jspolicy/runtime';
import { type HostCall, HostCallError, type HostFunctions } from '@jspolicy/sandbox';

const MAX_SLEEP_MS = 1_000;

export interface OfflineHost {
  cluster: Cluster;
  env: NodeJS.ProcessEnv;
  /** A line of print(). */
  onPrint(line: string): void;
}

/** What a policy may call when nothing runs: reads of the given files, and what needs no cluster. Nothing is written. */
export function offlineHostFunctions({ cluster, env, onPrint }: OfflineHost): HostFunctions {
  return {
    call: (call, signal) => answer(call, cluster, env, signal),
    print: onPrint,
  };
}

async function answer({ name, args }: HostCall, cluster: Cluster, env: NodeJS.ProcessEnv, signal: AbortSignal) {
  const [first] = args;
  switch (name) {
    case 'get':
      return readObject(args, cluster).catch(asHostCallError('RetrieveObject'));
    case 'list':
      return listObjects(args, cluster).catch(asHostCallError('ErrorListing'));
    case 'env':
      return typeof first === 'string' ? readEnv(first, env) : undefined;
    case 'sleep':
      await pause(typeof first === 'number' ? Math.min(Math.max(first, 0), MAX_SLEEP_MS) : 0, signal);
      return undefined;
    case 'atob':
      return typeof first === 'string' ? decode(first) : undefined;
    case 'btoa':
      return typeof first === 'string' ? Buffer.from(first).toString('base64') : undefined;
    default:
      throw new HostCallError('NotGranted', `${name}() is not granted to policies in an offline review`);
  }
}

/** The evaluator's own default; the same variable widens both. */
const ENV_PREFIXES = 'JSPOLICY_ENV_,KUBE_NAMESPACE';

function readEnv(name: string, env: NodeJS.ProcessEnv): string {
  const prefixes = (env['ENV_PREFIXES'] || ENV_PREFIXES).split(',').filter(Boolean);
  if (prefixes.some((prefix) => name.startsWith(prefix.trim()))) return env[name] ?? '';
  throw new HostCallError(
    'NotGranted',
    `env(${JSON.stringify(name)}) is not granted: see ENV_PREFIXES of the evaluator`,
  );
}

async function readObject([kind, apiVersion, name]: unknown[], cluster: Cluster) {
  if (typeof kind !== 'string' || typeof apiVersion !== 'string' || typeof name !== 'string') {
    throw new HostCallError('WrongArguments', 'kind, group version and name need to be string values');
  }
  const type = await cluster.resolve(apiVersion, kind);
  const [namespace, own, ...more] = name.split('/');
  const key = own !== undefined && more.length === 0 ? { namespace, name: own } : { namespace: undefined, name };
  if (type.namespaced && !key.namespace) return undefined;
  return cluster.get(type, key.name, type.namespaced ? key.namespace : undefined);
}

async function listObjects([kind, apiVersion, options]: unknown[], cluster: Cluster) {
  if (typeof kind !== 'string' || typeof apiVersion !== 'string') {
    throw new HostCallError('WrongArguments', 'kind and group version need to be string values');
  }
  const type = await cluster.resolve(apiVersion, kind);
  return cluster.list(type, listOptions(options, type));
}

function listOptions(options: unknown, type: ResourceType): ListOptions {
  const { namespace, labelSelector, fieldSelector, limit } = (options ?? {}) as Record<string, unknown>;
  return {
    ...(type.namespaced && typeof namespace === 'string' && namespace && { namespace }),
    ...(typeof labelSelector === 'string' && { labelSelector }),
    ...(typeof fieldSelector === 'string' && { fieldSelector }),
    ...(typeof limit === 'number' && limit > 0 && { limit }),
  };
}

const asHostCallError = (reason: string) => (error: unknown) => {
  throw error instanceof KubeError ? new HostCallError(reason, error.message, { cause: error }) : error;
};

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

function decode(text: string): string | undefined {
  const base64 = text.replace(/[\r\n]/g, '');
  return BASE64.test(base64) ? Buffer.from(base64, 'base64').toString('utf8') : undefined;
}
