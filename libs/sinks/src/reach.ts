import { lookup } from 'node:dns';
import { lookup as resolve } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import type { AddressSet } from '@jspolicy/runtime';

/** Whether sinks may connect to a host. `refused`: addresses that they may not connect to. */

/** Resolves a name to those of its addresses that may be connected to. Of an address it is never asked: see checkAddress(). */
export function guardedLookup(refused: AddressSet): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, '', 0);
      const addresses = found.filter(({ address }) => !refused.has(address));
      const [first] = addresses;
      if (!first) return callback(refusal(hostname, found[0]?.address ?? 'no address'), '', 0);
      if (options.all) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}

/** Throws for an address that may not be connected to; a name is seen through by guardedLookup(). */
export function checkAddress(host: string, refused: AddressSet): void {
  const address = host.replace(/^\[|\]$/g, '');
  if (isIP(address) && refused.has(address)) throw refusal(address, address);
}

/** Rejects for a host that may not be connected to: for clients that resolve names by themselves. */
export async function checkHost(host: string, refused: AddressSet): Promise<void> {
  checkAddress(host, refused);
  if (isIP(host.replace(/^\[|\]$/g, ''))) return;
  const found = await resolve(host, { all: true });
  const wrong = found.find(({ address }) => refused.has(address));
  if (wrong) throw refusal(host, wrong.address);
}

function refusal(host: string, address: string): Error {
  const what = host === address ? `${address} is` : `${host} leads to ${address},`;
  return new Error(`${what} an address that sinks may not connect to: see SINK_REFUSED_ADDRESSES of audit`);
}
