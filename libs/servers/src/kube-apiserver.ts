import { resolve } from 'node:path';
import type { Child } from './child.ts';
import { ServersError } from './errors.ts';
import { startEtcd } from './etcd.ts';
import { type FindOptions, findServer } from './find.ts';
import { kubeFiles, prepareKubeFiles, writeKubeconfig } from './kube-files.ts';
import { type KubeProcessOptions, startKubeProcess } from './kube-process.ts';
import { ADMIN, type KubeUser, tokensFor } from './kube-users.ts';
import { freePort } from './port.ts';

const PORT_ATTEMPTS = 3;

export interface KubeApiServerOptions extends FindOptions {
  /** Holds all its files, etcd's data too. A later server on the same folder has the same objects. */
  dir: string;
  /** A free one unless given. */
  port?: number;
  /** Besides the admin. They may do what RBAC lets them. */
  users?: KubeUser[];
  /** More flags of kube-apiserver. */
  flags?: string[];
}

export interface KubeApiServer {
  readonly url: string;
  readonly port: number;
  readonly kubeconfigPath: string;
  /** The admin's, who is in system:masters. */
  readonly token: string;
  /** By user name, the admin's too. */
  readonly tokens: Readonly<Record<string, string>>;
  readonly caFile: string;
  readonly logFile: string;
  /** Sends the signal to kube-apiserver only; resolves when it has gone, or at once where the signal does not end it. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Ends kube-apiserver, if it still runs, and starts it again on the same port, with the same certificate and etcd. */
  restart(): Promise<void>;
  /** Ends both. May be called twice. */
  stop(): Promise<void>;
}

/** Starts etcd and kube-apiserver on 127.0.0.1. Resolves when the API server is ready. The caller stops it. */
export async function startKubeApiServer(options: KubeApiServerOptions): Promise<KubeApiServer> {
  const etcdCommand = await findServer('etcd', options);
  const command = await findServer('kube-apiserver', options);
  const dir = resolve(options.dir);
  const { csv, byUser } = tokensFor([ADMIN, ...(options.users ?? [])]);
  const token = byUser[ADMIN.name] as string;
  await prepareKubeFiles(dir, csv);
  const etcd = await startEtcd(etcdCommand, dir);
  try {
    const wanted = { command, dir, token, flags: options.flags ?? [], etcd };
    const { child, port } = await startOnPort(wanted, options.port);
    const url = `https://127.0.0.1:${port}`;
    await writeKubeconfig(dir, url, token);
    return running({ ...wanted, port }, child, url, byUser);
  } catch (error) {
    await etcd.stop();
    throw error;
  }
}

/** Somebody may take a free port before the server does; then another one is tried. */
async function startOnPort(wanted: Omit<KubeProcessOptions, 'port'>, fixed: number | undefined) {
  for (let attempt = 1; ; attempt++) {
    const port = fixed ?? (await freePort());
    try {
      return { port, child: await startKubeProcess({ ...wanted, port }) };
    } catch (error) {
      const taken = error instanceof ServersError && error.message.includes('address already in use');
      if (!taken || fixed || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}

function running(
  options: KubeProcessOptions,
  first: Child,
  url: string,
  tokens: Record<string, string>,
): KubeApiServer {
  const { dir, port, token, etcd } = options;
  const files = kubeFiles(dir);
  let child = first;
  return {
    url,
    port,
    kubeconfigPath: files.kubeconfig,
    token,
    tokens,
    caFile: files.ca,
    logFile: files.log,
    async kill(signal) {
      child.kill(signal);
      if (DEADLY.includes(signal)) await child.exited;
    },
    async restart() {
      await child.stop();
      child = await startKubeProcess(options);
    },
    async stop() {
      await child.stop();
      await etcd.stop();
    },
  };
}

const DEADLY: NodeJS.Signals[] = ['SIGKILL', 'SIGTERM', 'SIGINT'];
