import type { Logger } from '@jspolicy/runtime';
import { type HostCall, HostCallError, type HostFunctions } from '@jspolicy/sandbox';
import type { ClusterReader } from './cluster-reader.ts';
import { readEnv } from './env.ts';
import { getObject } from './get.ts';
import { listObjects } from './list.ts';
import { notGranted } from './not-granted.ts';
import { sleep } from './sleep.ts';

export interface HostFunctionParts {
  policy: string;
  reader: ClusterReader;
  env: NodeJS.ProcessEnv;
  envPrefixes: string[];
  log: Logger;
}

/** What one policy may call. Every call ends with its evaluation. */
export function hostFunctionsFor(parts: HostFunctionParts): HostFunctions {
  const { policy, log } = parts;
  return {
    call: (call, signal) => untilAborted(dispatch(call, parts, signal), signal),
    print: (line) => log.info({ policy }, `[${policy}] ${line}`),
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
      throw notGranted(name);
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
