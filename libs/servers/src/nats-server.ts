import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { type Child, type ChildExit, startChild } from './child.ts';
import { type FindOptions, findServer } from './find.ts';
import { untilServing } from './serving.ts';

const START_TIMEOUT_MS = 60_000;

export interface NatsServerOptions extends FindOptions {
  /** Holds the config, JetStream's files and nats-server.log. A later server on the same folder has the same streams. */
  storeDir: string;
  /** A free one unless given: give it to come back at the same URL. */
  port?: number;
  /** More lines of nats-server configuration, as `authorization { token: "t" }`. */
  config?: string;
  onLine?: (line: string) => void;
  startTimeoutMs?: number;
}

export interface NatsServer {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly logFile: string;
  readonly exited: Promise<ChildExit>;
  /** Only sends the signal; exited tells when a deadly one has worked. */
  kill(signal: NodeJS.Signals): void;
  /** May be called twice. */
  stop(): Promise<void>;
}

/** Starts a nats-server with JetStream on 127.0.0.1. Resolves when it takes connections. The caller stops it. */
export async function startNatsServer(options: NatsServerOptions): Promise<NatsServer> {
  const command = await findServer('nats-server', options);
  const storeDir = resolve(options.storeDir);
  const logFile = join(storeDir, 'nats-server.log');
  const portsDir = join(storeDir, 'ports');
  await rm(portsDir, { recursive: true, force: true });
  await mkdir(portsDir, { recursive: true });
  const configFile = join(storeDir, 'nats-server.conf');
  await writeFile(configFile, configuration(storeDir, portsDir, options), { mode: 0o600 });
  const { onLine } = options;
  const child = await startChild({
    name: 'nats-server',
    command,
    args: ['--config', configFile],
    logFile,
    ...(onLine && { onLine }),
  });
  const port = await portOnceServing(child, portsDir, options.startTimeoutMs ?? START_TIMEOUT_MS);
  const { pid, exited, kill, stop } = child;
  return { url: `nats://127.0.0.1:${port}`, port, pid, logFile, exited, kill, stop };
}

/** JSON strings are strings of this configuration language too. */
function configuration(storeDir: string, portsDir: string, { port = -1, config = '' }: NatsServerOptions): string {
  return `listen: "127.0.0.1:${port}"
ports_file_dir: ${JSON.stringify(portsDir)}
# A review of 8 MiB, which holds an object twice, and headers beside it.
max_payload: 8454144
jetstream {
  store_dir: ${JSON.stringify(join(storeDir, 'jetstream'))}
  sync_interval: "1s"
}
${config}
`;
}

async function portOnceServing(child: Child, portsDir: string, timeoutMs: number): Promise<number> {
  try {
    return await untilServing([child], timeoutMs, async () => {
      const port = await portIn(portsDir);
      return port && (await greets(port)) ? port : undefined;
    });
  } catch (error) {
    await child.stop();
    throw error;
  }
}

/** The server writes the ports it got into <name>_<pid>.ports; while it writes, that is no JSON yet. */
async function portIn(portsDir: string): Promise<number | undefined> {
  const file = (await readdir(portsDir)).find((name) => name.endsWith('.ports'));
  if (!file) return undefined;
  try {
    const { nats } = JSON.parse(await readFile(join(portsDir, file), 'utf8')) as { nats: string[] };
    return Number(new URL(nats[0] ?? '').port);
  } catch {
    return undefined;
  }
}

/** A server that serves speaks first. */
function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const answer = (served: boolean) => {
      socket.destroy();
      resolve(served);
    };
    socket.setTimeout(1_000, () => answer(false));
    socket.once('data', (data) => answer(data.toString().startsWith('INFO ')));
    socket.once('error', () => answer(false));
    socket.once('close', () => resolve(false));
  });
}
