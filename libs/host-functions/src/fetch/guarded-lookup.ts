import { lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import type { HostGrants } from './host-grants.ts';

/** The name of a URL as it is asked for: IPv6 addresses without brackets. */
export const bareHost = ({ hostname }: URL): string => hostname.replace(/^\[|\]$/g, '');

export const portOf = ({ protocol, port }: URL): number => (port ? Number(port) : protocol === 'https:' ? 443 : 80);

/** Why a URL may not be asked at all; what its name resolves to is seen when it is connected to. */
export function grantProblem(url: URL, grants: HostGrants): string | undefined {
  const host = bareHost(url);
  const port = portOf(url);
  if (!grants.allowsHost(url.hostname, port)) {
    return `${url.hostname}:${port} is not granted: see FETCH_HOSTS of the evaluator`;
  }
  return isIP(host) && !grants.allowsAddress(host, port) ? addressProblem(host, host, port) : undefined;
}

/** Resolves a name to those of its addresses that may be connected to, so that a name cannot lead where no grant does. */
export function guardedLookup(port: number, grants: HostGrants): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, '', 0);
      const granted = addresses.filter(({ address }) => grants.allowsAddress(address, port));
      const [first] = granted;
      if (!first) {
        return callback(new Error(addressProblem(hostname, addresses[0]?.address ?? 'no address', port)), '', 0);
      }
      if (options.all) callback(null, granted);
      else callback(null, first.address, first.family);
    });
  };
}

function addressProblem(host: string, address: string, port: number): string {
  const what = host === address ? `${address} is` : `${host} leads to ${address},`;
  const entry = isIP(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`;
  return `${what} a loopback or link-local address, which is not granted: it must stand as ${entry} in FETCH_HOSTS of the evaluator`;
}
