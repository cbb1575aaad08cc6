import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from './logger.ts';
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
export async function startHealth(port: number, metrics: Metrics, log: Logger): Promise<Health> {
  let ready = false;
  const dependencies: (() => string | undefined)[] = [];
  const problems = () => {
    const found = dependencies.map((problem) => problem()).filter((problem) => problem !== undefined);
    // Before it was ready, and when it stops, it may have nothing to complain of.
    return ready || found.length > 0 ? found : ['not started, or stopping'];
  };
  const server = port === 0 ? undefined : await listen(port, { problems, metrics, log });
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

type Answer = [status: number, body: string, type?: string];

interface Told {
  problems(): string[];
  metrics: Metrics;
  log: Logger;
}

function listen(port: number, told: Told): Promise<Server> {
  const server = createServer(async (request, response) => {
    const [status, body, type = 'text/plain'] = await answer(request.url, told);
    response.writeHead(status, { 'content-type': type }).end(body);
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, () => resolve(server));
  });
}

/** Never rejects: what is told here is asked of the rest of the service, whose faults must not end it. */
async function answer(url: string | undefined, { problems, metrics: { registry }, log }: Told): Promise<Answer> {
  try {
    if (url === '/healthz') return [200, 'ok\n'];
    if (url === '/readyz') return readiness(problems());
    if (url === '/metrics') return [200, await registry.metrics(), registry.contentType];
    return [404, 'not found: /healthz, /readyz and /metrics are served here\n'];
  } catch (err) {
    log.error({ err, url }, 'what is asked of the health port cannot be told');
    return [500, 'this cannot be told now, the log says why\n'];
  }
}

const readiness = (problems: string[]): Answer =>
  problems.length === 0 ? [200, 'ok\n'] : [503, `not ready: ${problems.join('; ')}\n`];

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
