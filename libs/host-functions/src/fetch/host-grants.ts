import { isIP } from 'node:net';
import { AddressSet, LINK_LOCAL, LOOPBACK, list, type Setting } from '@jspolicy/runtime';

/** One entry of the list. */
interface Entry {
  /** In the form that URLs give it; of `*.example.com` it is `.example.com`, of `*` it is empty. */
  host: string;
  wildcard: boolean;
  /** undefined: every port. */
  port: number | undefined;
}

const LOCAL = new AddressSet([...LOOPBACK, ...LINK_LOCAL]);

/**
 * Which hosts fetchSync() may reach: `host`, `host:port`, `*.example.com`, `*.example.com:port`, or `*` for every host.
 * Loopback and link-local addresses are granted by nothing but an entry of the very address with its port.
 */
export class HostGrants {
  readonly #entries: Entry[];

  /** Throws Error that quotes the entry which is none. */
  constructor(entries: readonly string[]) {
    this.#entries = entries.map(parseEntry);
  }

  /** `host` as a URL's hostname gives it. */
  allowsHost(host: string, port: number): boolean {
    const asked = host.replace(/\.$/, '');
    return this.#entries.some(
      (entry) =>
        (entry.port === undefined || entry.port === port) &&
        (entry.wildcard ? asked.endsWith(entry.host) : asked === entry.host),
    );
  }

  /** `address` as a resolver gives it. To be asked beside allowsHost(), for the address that is connected to. */
  allowsAddress(address: string, port: number): boolean {
    if (!LOCAL.has(address)) return true;
    const host = isIP(address) === 6 ? new URL(`http://[${address}]`).hostname : address;
    return this.#entries.some((entry) => !entry.wildcard && entry.host === host && entry.port === port);
  }
}

/** The setting of such a list. */
export function hostList(setting: { env: string; describe: string }): Setting<string[]> {
  const words = list({ ...setting, default: [] });
  return {
    ...words,
    parse(raw) {
      const parsed = words.parse(raw);
      const wrong = 'value' in parsed ? parsed.value.find((word) => entryOf(word) === undefined) : undefined;
      return wrong === undefined ? parsed : { problem: problemOf(wrong) };
    },
  };
}

const problemOf = (word: string): string =>
  `must list host, host:port, *.domain or *, and ${JSON.stringify(word)} is none of them`;

function parseEntry(word: string): Entry {
  const entry = entryOf(word);
  if (!entry) throw new Error(problemOf(word));
  return entry;
}

const ENTRY = /^(?<wildcard>\*\.)?(?<host>[^\s:/?#@[\]*]+|\[[0-9a-f:.]+\])(?::(?<port>\d{1,5}))?$/i;

function entryOf(word: string): Entry | undefined {
  if (word === '*') return { host: '', wildcard: true, port: undefined };
  const { wildcard, host = '', port } = ENTRY.exec(word)?.groups ?? {};
  const url = host && URL.canParse(`http://${host}/`) ? new URL(`http://${host}/`) : undefined;
  if (!url || Number(port ?? 1) < 1 || Number(port ?? 1) > 65535) return undefined;
  const name = url.hostname.replace(/\.$/, '');
  return {
    host: wildcard ? `.${name}` : name,
    wildcard: wildcard !== undefined,
    port: port === undefined ? undefined : Number(port),
  };
}
