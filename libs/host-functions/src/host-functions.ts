import { type HostCall, HostCallError, type HostFunctions } from '@jspolicy/sandbox';
import type { ClusterReader } from './cluster-reader.ts';
import { readEnv } from './env.ts';
import { fetchSync } from './fetch/fetch-sync.ts';
import type { Fetcher } from './fetch/fetcher.ts';
import { getObject } from './get.ts';
import { listObjects } from './list.ts';
import { readFile } from './read-file.ts';
import { sleep } from './sleep.ts';
import { type ClusterWriter, writeObject } from './write.ts';

export interface HostFunctionParts {
  /** What get() and list() read. */
  reader: ClusterReader;
  /** What create(), update() and remove() write to. */
  writer: ClusterWriter;
  /** Sends what fetchSync() asks. Theirs who give it: it is not closed here. */
  fetcher: Fetcher;
  /** readFileSync() reads in it; '' grants nothing. */
  filesDir: string;
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
    case 'create':
    case 'update':
    case 'remove':
      return writeObject(name, args, parts.writer, signal);
    case 'fetchSync':
      return fetchSync(args, parts.fetcher, signal);
    case 'readFileSync':
      return readFile(args, parts.filesDir);
    case 'env':
      return readEnv(args, parts.env, parts.envPrefixes);
    case 'sleep':
      return sleep(args, signal);
    default:
      throw new HostCallError('NotGranted', `${name}() is not granted to policies`);
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
