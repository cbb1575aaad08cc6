import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** For tests: stands between a client and a server, and can be cut. */
export interface TcpProxy {
  port: number;
  /** Drops every connection and refuses new ones. */
  cut(): void;
  /** Takes connections again. */
  mend(): void;
  /** Connections that came so far. */
  readonly accepted: number;
  stop(): Promise<void>;
}

export async function tcpProxy(targetPort: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let isCut = false;
  let accepted = 0;
  const server = createServer((client) => {
    accepted += 1;
    const target = connect(targetPort, '127.0.0.1');
    for (const [from, to] of [
      [client, target],
      [target, client],
    ] as const) {
      sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
    if (isCut) client.destroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    isCut = true;
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    mend: () => {
      isCut = false;
    },
    get accepted() {
      return accepted;
    },
    async stop() {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A copy of a kubeconfig that goes through the proxy. */
export async function kubeconfigThrough(proxy: TcpProxy, original: { path: string; port: number }): Promise<string> {
  const path = `${original.path}.${proxy.port}`;
  const text = await readFile(original.path, 'utf8');
  await writeFile(path, text.replaceAll(`:${original.port}`, `:${proxy.port}`));
  return path;
}
