import { checkedText, file, optionalText, type Values } from '@jspolicy/runtime';

const SCHEMES = ['nats:', 'tls:'];

/** Where NATS is and who we are there: the same variables for every service. */
export const busSettings = {
  natsUrl: checkedText(
    {
      env: 'NATS_URL',
      default: 'nats://127.0.0.1:4222',
      describe: 'NATS servers, separated by commas; tls:// insists on TLS',
    },
    problemOfServers,
  ),
  natsCredsFile: optionalFile('NATS_CREDS_FILE', 'credentials file of a NATS user: its JWT and seed'),
  natsNkeyFile: optionalFile('NATS_NKEY_FILE', 'file with the seed of an NKEY'),
  natsUser: optionalText({ env: 'NATS_USER', describe: 'NATS user, with NATS_PASSWORD' }),
  natsPassword: optionalText({ env: 'NATS_PASSWORD', secret: true, describe: 'password of NATS_USER' }),
  natsToken: optionalText({ env: 'NATS_TOKEN', secret: true, describe: 'NATS token' }),
  natsCaFile: optionalFile('NATS_CA_FILE', 'PEM of the authority that signed the certificate of NATS'),
  natsCertFile: optionalFile('NATS_CERT_FILE', 'client certificate for NATS, PEM'),
  natsKeyFile: optionalFile('NATS_KEY_FILE', 'private key of NATS_CERT_FILE, PEM'),
};

export type BusConfig = Values<typeof busSettings>;

/** The variables, for whoever starts services and must not hand on what is meant for another NATS. */
export const BUS_VARIABLES: readonly string[] = Object.values(busSettings).map(({ env }) => env);

/** What is wrong between the settings, for loadConfig. */
export function busProblems(config: Partial<BusConfig>): string[] {
  const { natsCredsFile, natsNkeyFile, natsUser, natsPassword, natsToken, natsCertFile, natsKeyFile } = config;
  const given = [
    ...(natsCredsFile ? ['NATS_CREDS_FILE'] : []),
    ...(natsNkeyFile ? ['NATS_NKEY_FILE'] : []),
    ...(natsUser ? ['NATS_USER'] : []),
    ...(natsToken ? ['NATS_TOKEN'] : []),
  ];
  return [
    ...(given.length > 1 ? [`${given.join(' and ')} exclude each other: one of them says who this service is`] : []),
    ...(natsUser && natsPassword === '' ? ['NATS_PASSWORD is required with NATS_USER'] : []),
    ...(natsPassword && natsUser === '' ? ['NATS_USER is required with NATS_PASSWORD'] : []),
    ...(natsCertFile && natsKeyFile === '' ? ['NATS_KEY_FILE is required with NATS_CERT_FILE'] : []),
    ...(natsKeyFile && natsCertFile === '' ? ['NATS_CERT_FILE is required with NATS_KEY_FILE'] : []),
  ];
}

function optionalFile(env: string, describe: string) {
  return file({ env, describe, default: '' });
}

function problemOfServers(servers: string): string | undefined {
  for (const server of serverList(servers)) {
    // The value may hold a password: it is not repeated.
    const url = URL.parse(server.includes('://') ? server : `nats://${server}`);
    if (!url?.hostname || !SCHEMES.includes(url.protocol))
      return 'must be URLs as nats://host:4222 or tls://host:4222, separated by commas';
    if (url.username || url.password)
      return 'must not hold credentials: they are given by NATS_USER and NATS_PASSWORD, or NATS_TOKEN';
  }
  return serverList(servers).length === 0 ? 'names no server' : undefined;
}

/** The single URLs of NATS_URL. */
export const serverList = (servers: string): string[] =>
  servers
    .split(',')
    .map((server) => server.trim())
    .filter(Boolean);
