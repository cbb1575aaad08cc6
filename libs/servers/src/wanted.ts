import { ServersError } from './errors.ts';
import { atLeast, parseVersion, sameMinor, type Version } from './version.ts';

/** The versions that are fetched or built; tools/ pins the same ones. */
export const PINNED = { 'nats-server': '2.15.2', etcd: '3.6.16', 'kube-apiserver': '1.36.3' } as const;

/** Where sinks write to in tests. Nobody needs these to run the engine. */
export const PINNED_FOR_SINKS = { versitygw: '1.8.0', otelcol: '0.162.0', loki: '3.7.8' } as const;

/** No server, but found and built as they are: it renders the chart in tests. */
export const PINNED_FOR_CHART = { helm: '3.22.0' } as const;

export type ServerName = keyof typeof PINNED | keyof typeof PINNED_FOR_SINKS | keyof typeof PINNED_FOR_CHART;

export interface Wanted {
  name: ServerName;
  /** Without a v. */
  version: string;
  /** Somebody asked for this version, so a folder of binaries with another one is not taken. */
  chosen: boolean;
  /** Whether a server that happens to be installed will do. */
  accepts(version: Version): boolean;
  /** What accepts asks for, in words. */
  needs: string;
  /** By which it tells its version, where not by --version. */
  versionArgs?: readonly string[];
}

/** Which server to look for. kubeVersion goes before JSPOLICY_KUBE_VERSION; both may start with a v. */
export function wantedServer(name: ServerName, env: NodeJS.ProcessEnv, kubeVersion?: string): Wanted {
  if (name === 'nats-server') return orNewer(name, 2, 11);
  if (name === 'etcd') return orNewer(name, 3, 6);
  if (name === 'versitygw') return orNewer(name, 1, 8);
  if (name === 'otelcol') return orNewer(name, 0, 120);
  if (name === 'loki') return orNewer(name, 3, 0);
  if (name === 'helm') return { ...orNewer(name, 3, 14), versionArgs: ['version', '--short'] };
  const asked = kubeVersion ?? env.JSPOLICY_KUBE_VERSION;
  const version = asked ? kubeVersionFrom(asked) : PINNED['kube-apiserver'];
  const parsed = parseVersion(version) as Version;
  return {
    name,
    version,
    chosen: Boolean(asked),
    accepts: (found) => sameMinor(found, parsed),
    needs: `${parsed.major}.${parsed.minor}`,
  };
}

function orNewer(name: Exclude<ServerName, 'kube-apiserver'>, major: number, minor: number): Wanted {
  return {
    name,
    version: { ...PINNED, ...PINNED_FOR_SINKS, ...PINNED_FOR_CHART }[name],
    chosen: false,
    accepts: (version) => atLeast(version, major, minor),
    needs: `${major}.${minor} or newer`,
  };
}

function kubeVersionFrom(text: string): string {
  const found = /^v?(1\.\d+\.\d+)$/.exec(text.trim());
  if (found?.[1]) return found[1];
  throw new ServersError(
    'SERVER_MISCONFIGURED',
    `JSPOLICY_KUBE_VERSION is ${JSON.stringify(text)}: write a whole version, as 1.35.4`,
  );
}
