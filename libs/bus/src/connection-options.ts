import { readFileSync } from 'node:fs';
import {
  type Authenticator,
  type ConnectionOptions,
  credsAuthenticator,
  nkeyAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from '@nats-io/nats-core';
import { type BusConfig, serverList } from './bus-settings.ts';

type Security = Pick<ConnectionOptions, 'authenticator' | 'tls'>;

/** Who we are and how it is encrypted, as the client wants it. Files are read again at each connection: they may change. */
export function securityOptions(config: Partial<BusConfig>): Security {
  const authenticator = authenticatorOf(config);
  const tls = tlsOf(config);
  return { ...(authenticator && { authenticator }), ...(tls && { tls }) };
}

function authenticatorOf(config: Partial<BusConfig>): Authenticator | undefined {
  const { natsCredsFile, natsNkeyFile, natsUser, natsPassword, natsToken } = config;
  if (natsCredsFile) return credsAuthenticator(() => readFileSync(natsCredsFile));
  if (natsNkeyFile) return nkeyAuthenticator(() => trimmed(readFileSync(natsNkeyFile)));
  if (natsUser) return usernamePasswordAuthenticator(natsUser, natsPassword);
  return natsToken ? tokenAuthenticator(natsToken) : undefined;
}

/** With any of these the client refuses a server that has no TLS; without, it uses TLS where the server offers it. */
function tlsOf({ natsUrl = '', natsCaFile, natsCertFile, natsKeyFile }: Partial<BusConfig>): ConnectionOptions['tls'] {
  const insisted = serverList(natsUrl).some((server) => server.startsWith('tls://'));
  if (!insisted && !natsCaFile && !natsCertFile) return undefined;
  return {
    ...(natsCaFile && { caFile: natsCaFile }),
    ...(natsCertFile && { certFile: natsCertFile }),
    ...(natsKeyFile && { keyFile: natsKeyFile }),
  };
}

const trimmed = (seed: Buffer): Uint8Array => new TextEncoder().encode(seed.toString('utf8').trim());
