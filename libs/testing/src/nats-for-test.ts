import { type NatsServer, startNatsServer } from '@jspolicy/servers';
import { tempDir } from './temp-dir.ts';
import { toStderr } from './to-stderr.ts';

export interface TestNats {
  readonly url: string;
  readonly storeDir: string;
  /** The one that runs now: another after restart(). */
  readonly server: NatsServer;
  kill(signal: NodeJS.Signals): void;
  /** Ends it as a crash does and starts it again at the same URL with the same streams, and with another configuration if one is given. */
  restart(options?: { config: string }): Promise<void>;
  /** Ends it and removes its files. */
  stop(): Promise<void>;
}

/** A nats-server of its own, with JetStream. config is more lines of its configuration. The caller stops it. */
export async function natsForTest(options: { config?: string } = {}): Promise<TestNats> {
  const dir = await tempDir();
  const common = { ...options, storeDir: dir.path, onProgress: toStderr };
  let server = await startNatsServer(common);
  return {
    url: server.url,
    storeDir: dir.path,
    get server() {
      return server;
    },
    kill: (signal) => server.kill(signal),
    async restart(changed: { config?: string } = {}) {
      server.kill('SIGKILL');
      await server.exited;
      server = await startNatsServer({ ...common, ...changed, port: server.port });
    },
    async stop() {
      await server.stop();
      await dir.remove();
    },
  };
}
