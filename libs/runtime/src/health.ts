import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Metrics } from './metrics.ts';

export interface Health {
  /** Whether /readyz answers 200. False from the start. */
  setReady(ready: boolean): void;
  /** The port that is listened on; undefined when there is none. */
  readonly port: number | undefined;
  stop(): Promise<void>;
}

/** Serves /healthz, /readyz and /metrics on all addresses; port 0 serves nothing. */
export async function startHealth(port: number, metrics: Metrics): Promise<Health> {
  let ready = false;
  const server = port === 0 ? undefined : await listen(port, () => ready, metrics);
  return {
    setReady(value) {
      ready = value;
    },
    port: server ? (server.address() as AddressInfo).port : undefined,
    stop: () => (server?.listening ? close(server) : Promise.resolve()),
  };
}

function listen(port: number, ready: () => boolean, metrics: Metrics): Promise<Server> {
  const server = createServer(async (request, response) => {
    const answer = (status: number, body: string, type = 'text/plain') =>
      response.writeHead(status, { 'content-type': type }).end(body);
    if (request.url === '/healthz') answer(200, 'ok\n');
    else if (request.url === '/readyz') answer(ready() ? 200 : 503, ready() ? 'ok\n' : 'not ready\n');
    else if (request.url === '/metrics') answer(200, await metrics.registry.metrics(), metrics.registry.contentType);
    else answer(404, 'not found: /healthz, /readyz and /metrics are served here\n');
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, () => resolve(server));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
