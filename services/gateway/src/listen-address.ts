import { lookup } from 'node:dns/promises';

/**
 * The one address of a host. The framework would listen on every address of `localhost`, by servers of which the later ones
 * would go on with the certificate that they began with.
 */
export const listenAddress = async (host: string): Promise<string> => (await lookup(host)).address;
