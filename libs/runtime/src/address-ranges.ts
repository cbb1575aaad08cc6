import { BlockList, isIP } from 'node:net';

/** A range of addresses: the first of them, and how many leading bits are the same. */
export type Subnet = readonly [address: string, prefix: number];

/** What answers on its own link, metadata services of clouds among them, and what is no address of one host. */
export const LINK_LOCAL: readonly Subnet[] = [
  ['169.254.0.0', 16],
  ['224.0.0.0', 4],
  ['255.255.255.255', 32],
  ['fe80::', 10],
  ['ff00::', 8],
  // Metadata services of clouds, in ranges that are otherwise private or public.
  ['fd00:ec2::254', 128],
  ['fd20:ce::254', 128],
  ['100.100.100.200', 32],
  ['168.63.129.16', 32],
  // The same IPv4 addresses behind NAT64 (RFC 6052).
  ['64:ff9b::a9fe:0', 112],
];

/** This machine. */
export const LOOPBACK: readonly Subnet[] = [
  ['0.0.0.0', 8],
  ['127.0.0.0', 8],
  ['::', 127],
  ['64:ff9b::', 104],
  ['64:ff9b::7f00:0', 104],
];

/** RFC 1918, RFC 6598 and RFC 4193. */
export const PRIVATE: readonly Subnet[] = [
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['100.64.0.0', 10],
  ['fc00::', 7],
  // The same IPv4 addresses behind NAT64.
  ['64:ff9b::a00:0', 104],
  ['64:ff9b::ac10:0', 108],
  ['64:ff9b::c0a8:0', 112],
  ['64:ff9b::6440:0', 106],
];

/** A set of addresses. IPv4 addresses that are written as IPv6 ones are seen through. */
export class AddressSet {
  readonly #list = new BlockList();

  constructor(subnets: Iterable<Subnet>) {
    for (const [address, prefix] of subnets) this.#list.addSubnet(address, prefix, familyOf(address));
  }

  has(address: string): boolean {
    return this.#list.check(address, familyOf(address));
  }
}

const familyOf = (address: string) => (isIP(address) === 6 ? 'ipv6' : 'ipv4');

/** Reads `10.0.0.0/8`, `fd00::/8` or a single address; undefined for anything else. */
export function subnetOf(text: string): Subnet | undefined {
  const [address = '', prefix, ...more] = text.split('/');
  const bits = { 0: 0, 4: 32, 6: 128 }[isIP(address)] ?? 0;
  const length = prefix === undefined ? bits : /^\d{1,3}$/.test(prefix) ? Number(prefix) : -1;
  return bits > 0 && more.length === 0 && length >= 0 && length <= bits ? [address, length] : undefined;
}
