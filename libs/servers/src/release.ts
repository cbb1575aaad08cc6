import type { Wanted } from './wanted.ts';

/** An official download. */
export interface Release {
  url: string;
  /** Holds the sha256: alone, or in lines of `sum  file`. */
  checksumsUrl: string;
  /** The server's path inside the archive; without it the download is the server itself. */
  member?: string;
}

const ARCHITECTURES: Record<string, string> = { x64: 'amd64', arm64: 'arm64' };

/** Where its makers publish this server for this machine; undefined when they do not, or when we do not fetch it there. */
export function releaseOf(wanted: Wanted, platform: string = process.platform, cpu: string = process.arch) {
  const arch = ARCHITECTURES[cpu];
  if (!arch || (platform !== 'linux' && platform !== 'darwin')) return undefined;
  if (wanted.name === 'nats-server') return nats(wanted.version, platform, arch);
  if (wanted.name === 'etcd') return etcd(wanted.version, platform, arch);
  if (wanted.name === 'kube-apiserver' && platform === 'linux') return kube(wanted.version, arch);
  return undefined;
}

function nats(version: string, platform: string, arch: string): Release {
  const folder = `nats-server-v${version}-${platform}-${arch}`;
  const base = `https://github.com/nats-io/nats-server/releases/download/v${version}`;
  return { url: `${base}/${folder}.tar.gz`, checksumsUrl: `${base}/SHA256SUMS`, member: `${folder}/nats-server` };
}

function etcd(version: string, platform: string, arch: string): Release {
  const folder = `etcd-v${version}-${platform}-${arch}`;
  const base = `https://github.com/etcd-io/etcd/releases/download/v${version}`;
  const ending = platform === 'linux' ? 'tar.gz' : 'zip';
  return { url: `${base}/${folder}.${ending}`, checksumsUrl: `${base}/SHA256SUMS`, member: `${folder}/etcd` };
}

function kube(version: string, arch: string): Release {
  const url = `https://dl.k8s.io/v${version}/bin/linux/${arch}/kube-apiserver`;
  return { url, checksumsUrl: `${url}.sha256` };
}
