import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findServer, freePort } from '@jspolicy/servers';
import { tempDir } from '../temp-dir.ts';
import { toStderr } from '../to-stderr.ts';
import { waitFor } from '../wait-for.ts';
import { type SinkServer, startListening } from './sink-server.ts';

export interface LokiServer extends SinkServer {
  readonly url: string;
  /** The streams of a tenant that a selector finds, with their lines in the order of their times. */
  query(tenant: string, selector: string): Promise<LokiStream[]>;
}

export interface LokiStream {
  stream: Record<string, string>;
  /** Nanoseconds, and the line. */
  values: [string, string][];
}

const READY_TIMEOUT_MS = 120_000;
/** Loki keeps queries within 30 days. */
const WINDOW_SECONDS = 24 * 3600;

/** Grafana Loki as one process with several tenants. */
export async function lokiForTest(): Promise<LokiServer> {
  const command = await findServer('loki', { onProgress: toStderr });
  const dir = await tempDir();
  const [port, grpcPort] = [await freePort(), await freePort()];
  const config = join(dir.path, 'loki.json');
  await writeFile(config, JSON.stringify(configuration(port, grpcPort, dir.path)));
  const child = await startListening({ name: 'loki', command, args: [`-config.file=${config}`], cwd: dir.path }, [
    port,
  ]);
  const url = `http://127.0.0.1:${port}`;
  const stop = async () => {
    await child.stop();
    await dir.remove();
  };
  try {
    const ready = async () => (await fetch(`${url}/ready`)).ok;
    await waitFor(ready, { what: 'Loki to be ready', timeoutMs: READY_TIMEOUT_MS });
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, query: (tenant, selector) => query(url, tenant, selector), stop };
}

async function query(url: string, tenant: string, selector: string): Promise<LokiStream[]> {
  const end = Math.floor(Date.now() / 1000) + 60;
  const wanted = {
    query: selector,
    start: `${end - WINDOW_SECONDS}`,
    end: `${end}`,
    limit: '1000',
    direction: 'forward',
  };
  const answer = await fetch(`${url}/loki/api/v1/query_range?${new URLSearchParams(wanted)}`, {
    headers: { 'x-scope-orgid': tenant },
  });
  if (!answer.ok) throw new Error(`Loki answered ${answer.status}: ${await answer.text()}`);
  return ((await answer.json()) as { data: { result: LokiStream[] } }).data.result;
}

/** JSON is YAML. */
const configuration = (port: number, grpcPort: number, dir: string) => ({
  auth_enabled: true,
  server: {
    http_listen_address: '127.0.0.1',
    http_listen_port: port,
    grpc_listen_address: '127.0.0.1',
    grpc_listen_port: grpcPort,
  },
  common: {
    instance_addr: '127.0.0.1',
    path_prefix: dir,
    replication_factor: 1,
    ring: { kvstore: { store: 'inmemory' } },
    storage: { filesystem: { chunks_directory: join(dir, 'chunks'), rules_directory: join(dir, 'rules') } },
  },
  ingester: { lifecycler: { min_ready_duration: '0s' } },
  schema_config: {
    configs: [
      {
        from: '2024-01-01',
        store: 'tsdb',
        object_store: 'filesystem',
        schema: 'v13',
        index: { prefix: 'index_', period: '24h' },
      },
    ],
  },
  analytics: { reporting_enabled: false },
});
