import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { RequestOptions as HttpOptions } from 'node:https';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import type { Cluster, User } from '@kubernetes/client-node/dist/config_types.js';

/** Where the API server is, and how a request to it is authenticated. */
export interface Credentials {
  server: URL;
  /** TLS options, headers and perhaps an agent; may run a credential plugin or read a token that was rotated. */
  apply(options: HttpOptions): Promise<void>;
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * Reads a kubeconfig file, the service account of the Pod, or the user's own kubeconfig ($KUBECONFIG, ~/.kube/config),
 * the first of these that is there. Throws Error that names what is missing.
 */
export async function loadCredentials(kubeconfig: string | undefined): Promise<Credentials> {
  if (kubeconfig !== undefined) return fromFile(kubeconfig);
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port, KUBECONFIG } = process.env;
  if (host && port && existsSync(`${SERVICE_ACCOUNT}/token`)) return inCluster(host, port);
  const named = (KUBECONFIG ?? '').split(delimiter).filter(Boolean);
  const files = named.length > 0 ? named : [join(homedir(), '.kube', 'config')];
  if (files.length > 1) return wholeClient((config) => config.loadFromDefault());
  return fromFile(files[0] ?? '');
}

function inCluster(host: string, port: string): Promise<Credentials> {
  const address = host.includes(':') ? `[${host}]` : host;
  const cluster = {
    name: 'in-cluster',
    server: `https://${address}:${port}`,
    caFile: `${SERVICE_ACCOUNT}/ca.crt`,
    skipTLSVerify: false,
  };
  const authProvider = { name: 'tokenFile', config: { tokenFile: `${SERVICE_ACCOUNT}/token` } };
  return light(cluster, { name: 'in-cluster', authProvider });
}

async function fromFile(file: string): Promise<Credentials> {
  const [{ parse }, types] = await Promise.all([
    import('yaml'),
    import('@kubernetes/client-node/dist/config_types.js'),
  ]);
  const config: Record<string, unknown> = parse(await readText(file)) ?? {};
  const list = (value: unknown): object[] => (Array.isArray(value) ? value : []);
  const context = types.newContexts(list(config['contexts'])).find(({ name }) => name === config['current-context']);
  const cluster = types.newClusters(list(config['clusters'])).find(({ name }) => name === context?.cluster);
  if (!context || !cluster) throw new Error(`${file}: no current context, or its cluster is missing`);
  const user = types.newUsers(list(config['users'])).find(({ name }) => name === context.user) ?? { name: '' };
  if (needsWholeClient(cluster, user)) return wholeClient((whole) => whole.loadFromFile(file));
  return light(withAbsolutePaths(cluster, dirname(file)), withAbsolutePaths(user, dirname(file)));
}

const readText = (file: string): Promise<string> =>
  readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw cause.code === 'ENOENT' ? new Error(`there is no kubeconfig ${file}`, { cause }) : cause;
  });

/** Proxies, and the authentication of OIDC, Azure and Google, live in the part of the client that costs 80 MiB. */
function needsWholeClient(cluster: Cluster, user: User): boolean {
  const provider: { name?: string; config?: { tokenFile?: string } } | null | undefined = user.authProvider;
  return Boolean(cluster.proxyUrl) || Boolean(provider && !provider.config?.tokenFile && provider.name !== 'exec');
}

function withAbsolutePaths<T extends Cluster | User>(entry: T, directory: string): T {
  const absolute = Object.entries(entry).map(([key, value]) =>
    key.endsWith('File') && value ? [key, resolve(directory, String(value))] : [key, value],
  );
  return Object.fromEntries(absolute);
}

/** Certificates, tokens, token files, passwords, impersonation and credential plugins: 5 MiB with the parser. */
async function light(cluster: Cluster, user: User): Promise<Credentials> {
  const [{ ExecAuth }, { FileAuth }] = await Promise.all([
    import('@kubernetes/client-node/dist/exec_auth.js'),
    import('@kubernetes/client-node/dist/file_auth.js'),
  ]);
  const plugin = [new FileAuth(), new ExecAuth()].find((candidate) => candidate.isAuthProvider(user));
  const [ca, cert, key] = await Promise.all([
    fileOrData(cluster.caFile, cluster.caData),
    fileOrData(user.certFile, user.certData),
    fileOrData(user.keyFile, user.keyData),
  ]);
  const tls: HttpOptions = {
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
    ...(cluster.skipTLSVerify && { rejectUnauthorized: false }),
    ...(cluster.tlsServerName && { servername: cluster.tlsServerName }),
  };
  return {
    server: new URL(cluster.server),
    async apply(options) {
      Object.assign(options, tls);
      options.headers = { ...options.headers, ...staticHeaders(user) };
      await plugin?.applyAuthentication(user, options);
    },
  };
}

function staticHeaders(user: User): Record<string, string> {
  const basic = Buffer.from(`${user.username}:${user.password}`).toString('base64');
  const authorization = user.token ? `Bearer ${user.token.trim()}` : user.username ? `Basic ${basic}` : undefined;
  return {
    ...(authorization && { Authorization: authorization }),
    ...(user.impersonateUser && { 'Impersonate-User': user.impersonateUser }),
  };
}

async function fileOrData(file: string | undefined, data: string | undefined): Promise<Buffer | undefined> {
  if (file) return readFile(file);
  return data ? Buffer.from(data, 'base64') : undefined;
}

interface WholeConfig {
  loadFromDefault(): void;
  loadFromFile(file: string): void;
}

async function wholeClient(load: (config: WholeConfig) => void): Promise<Credentials> {
  const { KubeConfig } = await import('@kubernetes/client-node/dist/config.js');
  const config = new KubeConfig();
  load(config);
  const cluster = config.getCurrentCluster();
  if (!cluster) throw new Error('the kubeconfig has no current cluster');
  return { server: new URL(cluster.server), apply: (options) => config.applyToHTTPSOptions(options) };
}
