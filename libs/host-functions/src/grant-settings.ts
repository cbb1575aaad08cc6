import { isAbsolute } from 'node:path';
import { list, optionalText, type Setting } from '@jspolicy/runtime';
import { hostList } from './fetch/host-grants.ts';

/** What env() reads unless an installation says otherwise: beginnings of names. */
const ENV_PREFIXES = ['JSPOLICY_ENV_', 'KUBE_NAMESPACE'];

/** The variables by which an installation grants what policies may reach beside the cluster. */
export const grantSettings = {
  envPrefixes: list({
    env: 'ENV_PREFIXES',
    default: ENV_PREFIXES,
    describe: 'beginnings of the names that policies may read with env()',
  }),
  fetchHosts: hostList({
    env: 'FETCH_HOSTS',
    describe: 'hosts that policies may reach with fetchSync(): host, host:port, *.domain, *; default: none',
  }),
  filesDir: absolutePath({
    env: 'FILES_DIR',
    describe: 'directory in which policies may read with readFileSync(); default: none',
  }),
};

/** '' when it is left out. */
function absolutePath(setting: { env: string; describe: string }): Setting<string> {
  const path = optionalText(setting);
  return {
    ...path,
    parse(raw) {
      const parsed = path.parse(raw);
      const relative = 'value' in parsed && parsed.value !== '' && !isAbsolute(parsed.value);
      return relative ? { problem: `must be an absolute path, not ${JSON.stringify(raw)}` } : parsed;
    },
  };
}
