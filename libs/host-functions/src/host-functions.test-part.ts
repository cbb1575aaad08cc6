import type { Cluster } from '@jspolicy/kube';
import { DirectReader } from './cluster-reader.ts';
import { Fetcher } from './fetch/fetcher.ts';
import { type HostFunctionParts, hostFunctions } from './host-functions.ts';

const noCluster = () => Promise.reject(new Error('this test has no cluster'));

/** Host functions with nothing granted but what is given. */
export function testFunctions(given: Partial<HostFunctionParts> & { cluster?: Cluster; dryRun?: boolean } = {}) {
  const { cluster, dryRun = false, ...parts } = given;
  const open = cluster ? async () => cluster : noCluster;
  const functions = hostFunctions({
    reader: new DirectReader(open),
    writer: { open, isDryRun: () => dryRun },
    fetcher: new Fetcher([]),
    filesDir: '',
    env: {},
    envPrefixes: [],
    onPrint: () => undefined,
    ...parts,
  });
  const call = (name: string, ...args: unknown[]) => functions.call({ name, args }, new AbortController().signal);
  /** As a policy reads it. */
  const failure = async (name: string, ...args: unknown[]) => {
    const error = await call(name, ...args).then(
      () => 'no error',
      (thrown: unknown) => thrown,
    );
    return error instanceof Error && 'reason' in error ? `${error.reason}: ${error.message}` : error;
  };
  return { functions, call, failure };
}
