import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Metrics } from './metrics.ts';

export interface Health {
  /** Whether /readyz answers 200. False from the start. */
  setReady(ready: boolean): void;
  /** Something that this service is not ready without: it says in a line what is wrong, and undefined when all is well. */
  dependsOn(problem: () => string | undefined): void;
  /** The port that is listened on; undefined when there is none. */
  readonly port: number | undefined;
  stop(): Promise<void>;
}

/** Serves /healthz, /readyz and /metrics on all addresses; port 0 serves nothing. */
export async function startHealth(port: number, metrics: Metrics): Promise<Health> {
  let ready = false;
  const dependencies: (() => string | undefined)[] = [];
  const problems = () => {
    const found = dependencies.map((problem) => problem()).filter((problem) => problem !== undefined);
    // Before it was ready, and when it stops, it may have nothing to complain of.
    return ready || found.length > 0 ? found : ['not started, or stopping'];
  };
  const server = port === 0 ? undefined : await listen(port, problems, metrics);
  return {
    setReady(value) {
      ready = value;
    },
    dependsOn(problem) {
      dependencies.push(problem);
    },
    port: server ? (server.address() as AddressInfo).port : undefined,
    stop: () => (server?.listening ? close(server) : Promise.resolve()),
  };
}

function listen(port: number, problems: () => string[], metrics: Metrics): Promise<Server> {
  const server = createServer(async (request, response) => {
    const answer = (status: number, body: string, type = 'text/plain') =>
      response.writeHead(status, { 'content-type': type }).end(body);
    if (request.url === '/healthz') answer(200, 'ok\n');
    else if (request.url === '/readyz') answer(...readiness(problems()));
    else if (request.url === '/metrics') answer(200, await metrics.registry.metrics(), metrics.registry.contentType);
    else answer(404, 'not found: /healthz, /readyz and /metrics are served here\n');
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, () => resolve(server));
  });
}

const readiness = (problems: string[]): [status: number, body: string] =>
  problems.length === 0 ? [200, 'ok\n'] : [503, `not ready: ${problems.join('; ')}\n`];

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
