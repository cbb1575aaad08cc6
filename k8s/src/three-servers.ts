import { type NatsServer, startNatsServer } from '@jspolicy/servers';
import { freePort, tempDir } from '@jspolicy/testing';
import { onTestFinished } from 'vitest';

export interface ThreeServers {
  start(index: number): Promise<void>;
  kill(index: number): Promise<void>;
  /** Stands still and closes nothing, as who is cut off does for the others. */
  freeze(index: number): void;
  /** Where its clients connect. */
  port(index: number): number;
  /** What the monitor of the first one answers. */
  ask(path: string): Promise<Response>;
}

/** Three servers of NATS that know each other, each with these lines of configuration; they end with the test. */
export async function threeServers(lines = ''): Promise<ThreeServers> {
  const places = await Promise.all(
    [0, 1, 2].map(async (index) => ({ index, dir: await tempDir(), route: await freePort(), http: await freePort() })),
  );
  const routes = places.map(({ route }) => `nats://127.0.0.1:${route}`);
  const running: NatsServer[] = [];
  const start = async (index: number) => {
    const { dir, route, http } = places[index] as (typeof places)[number];
    const cluster = { name: 'test', listen: `127.0.0.1:${route}`, routes };
    const own = `server_name: "server-${index}"\nhttp: "127.0.0.1:${http}"\ncluster: ${JSON.stringify(cluster)}`;
    running[index] = await startNatsServer({ storeDir: dir.path, config: `${own}\n${lines}` });
  };
  onTestFinished(async () => {
    for (const server of running) server.kill('SIGCONT');
    await Promise.all(running.map((server) => server.stop()));
    await Promise.all(places.map(({ dir }) => dir.remove()));
  });
  await Promise.all(places.map(({ index }) => start(index)));
  return {
    start,
    kill: async (index) => {
      running[index]?.kill('SIGKILL');
      await running[index]?.exited;
    },
    freeze: (index) => running[index]?.kill('SIGSTOP'),
    port: (index) => (running[index] as NatsServer).port,
    ask: (path) => fetch(`http://127.0.0.1:${places[0]?.http}${path}`),
  };
}
