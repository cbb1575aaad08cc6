import { DirectReader, Fetcher, grantSettings, hostFunctions } from '@jspolicy/host-functions';
import type { Cluster } from '@jspolicy/kube';
import { loadConfig } from '@jspolicy/runtime';
import type { HostCall, HostFunctions } from '@jspolicy/sandbox';

export interface OfflineHost {
  cluster: Cluster;
  env: NodeJS.ProcessEnv;
  /** A line of print(), and what the policy would write. */
  onPrint(line: string): void;
}

const WRITES = ['create', 'update', 'remove'];

/**
 * What a policy may call when nothing runs: as in an evaluator, with the same variables for what is granted. What it
 * writes is answered as a dry run, and told.
 */
export function offlineHostFunctions({ cluster, env, onPrint }: OfflineHost): HostFunctions {
  const { envPrefixes, fetchHosts, filesDir } = loadConfig(grantSettings, env);
  const open = async () => cluster;
  const functions = hostFunctions({
    reader: new DirectReader(open),
    writer: { open, isDryRun: () => true },
    fetcher: new Fetcher(fetchHosts),
    filesDir,
    env,
    envPrefixes,
    onPrint,
  });
  return {
    ...functions,
    async call(call, signal) {
      const result = await functions.call(call, signal);
      if (WRITES.includes(call.name)) onPrint(`nothing is written offline: ${toldWrite(call, result)}`);
      return result;
    },
  };
}

function toldWrite({ name, args }: HostCall, result: unknown): string {
  const { kind = 'object', metadata = {} } = (args[0] ?? {}) as { kind?: string; metadata?: Record<string, string> };
  const { namespace, name: own, generateName } = metadata;
  const what = [namespace, own ?? generateName].filter(Boolean).join('/');
  const { ok, message } = result as { ok: boolean; message?: string };
  return `${name}() of ${kind} ${what || '(no name)'} ${ok ? 'would be done' : `would be refused: ${message}`}`;
}
