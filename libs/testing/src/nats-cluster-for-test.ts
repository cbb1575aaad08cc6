import { freePort, type NatsServer, startNatsServer } from '@jspolicy/servers';
import type { TestNats } from './nats-for-test.ts';
import { type TempDir, tempDir } from './temp-dir.ts';
import { toStderr } from './to-stderr.ts';

const SERVERS = 3;

/** As one server of NATS, whose place three have. */
export interface TestNatsCluster extends TestNats {
  readonly servers: readonly NatsServer[];
  /** Ends one as a crash does; what it stored stays. */
  killOne(index: number): Promise<void>;
  startOne(index: number): Promise<void>;
}

/** Three servers of NATS with JetStream that keep everything thrice. The caller stops them. */
export async function natsClusterForTest(): Promise<TestNatsCluster> {
  const places: Place[] = [];
  for (let index = 0; index < SERVERS; index++)
    places.push({ dir: await tempDir(), port: await freePort(), route: await freePort() });
  const start = (index: number) => startServer(places, index);
  const servers = await Promise.all(places.map((_, index) => start(index)));
  const cluster = {
    url: servers.map(({ url }) => url).join(','),
    storeDir: places[0]?.dir.path ?? '',
    servers,
    get server() {
      return servers[0] as NatsServer;
    },
    kill: (signal: NodeJS.Signals) => {
      for (const server of servers) server.kill(signal);
    },
    async killOne(index: number) {
      servers[index]?.kill('SIGKILL');
      await servers[index]?.exited;
    },
    async startOne(index: number) {
      servers[index] = await start(index);
    },
    async restart() {
      await Promise.all(servers.map((_, index) => cluster.killOne(index)));
      await Promise.all(servers.map((_, index) => cluster.startOne(index)));
    },
    async stop() {
      await Promise.all(servers.map((server) => server.stop()));
      await Promise.all(places.map(({ dir }) => dir.remove()));
    },
  };
  return cluster;
}

interface Place {
  dir: TempDir;
  port: number;
  route: number;
}

function startServer(places: Place[], index: number): Promise<NatsServer> {
  const { dir, port, route } = places[index] as Place;
  const routes = places.map((each) => `nats://127.0.0.1:${each.route}`);
  const cluster = { name: 'test', listen: `127.0.0.1:${route}`, routes };
  const config = `server_name: server-${index}\ncluster: ${JSON.stringify(cluster)}`;
  return startNatsServer({ storeDir: dir.path, port, config, onProgress: toStderr });
}
