import { type HostCall, HostCallError, type HostFunctions } from '@jspolicy/sandbox';
import type { ClusterReader } from './cluster-reader.ts';
import { readEnv } from './env.ts';
import { getObject } from './get.ts';
import { listObjects } from './list.ts';
import { notCallable } from './not-callable.ts';
import { sleep } from './sleep.ts';

/** Variables that env() reads unless an installation says otherwise: what their names begin with. */
export const ENV_PREFIXES: readonly string[] = ['JSPOLICY_ENV_', 'KUBE_NAMESPACE'];

export interface HostFunctionParts {
  /** What get() and list() read. */
  reader: ClusterReader;
  env: NodeJS.ProcessEnv;
  envPrefixes: readonly string[];
  /** A line of print(). */
  onPrint(line: string): void;
}

/**
 * What a policy may call, in an evaluator and in an offline review alike. Every call ends with its evaluation; what it
 * rejects with is a HostCallError, or our bug. Nothing is kept between calls.
 */
export function hostFunctions(parts: HostFunctionParts): HostFunctions {
  return {
    call: (call, signal) => untilAborted(dispatch(call, parts, signal), signal),
    print: parts.onPrint,
  };
}

async function dispatch({ name, args }: HostCall, parts: HostFunctionParts, signal: AbortSignal): Promise<unknown> {
  switch (name) {
    case 'get':
      return getObject(args, parts.reader, signal);
    case 'list':
      return listObjects(args, parts.reader, signal);
    case 'env':
      return readEnv(args, parts.env, parts.envPrefixes);
    case 'sleep':
      return sleep(args, signal);
    default:
      throw notCallable(name);
  }
}

/** Work that does not listen to the signal itself, such as opening the cluster, must not hold an evaluation either. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(new HostCallError('Aborted', 'the evaluation has ended'));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
