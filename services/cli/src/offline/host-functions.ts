import { DirectReader, ENV_PREFIXES, hostFunctions } from '@jspolicy/host-functions';
import type { Cluster } from '@jspolicy/kube';
import { list, loadConfig } from '@jspolicy/runtime';
import type { HostFunctions } from '@jspolicy/sandbox';

export interface OfflineHost {
  cluster: Cluster;
  env: NodeJS.ProcessEnv;
  /** A line of print(). */
  onPrint(line: string): void;
}

/** What a policy may call when nothing runs: as in an evaluator, with the same variable for what env() reads. */
export function offlineHostFunctions({ cluster, env, onPrint }: OfflineHost): HostFunctions {
  const describe = 'beginnings of the names that policies may read with env()';
  const { envPrefixes } = loadConfig(
    { envPrefixes: list({ env: 'ENV_PREFIXES', default: [...ENV_PREFIXES], describe }) },
    env,
  );
  return hostFunctions({ reader: new DirectReader(async () => cluster), env, envPrefixes, onPrint });
}
