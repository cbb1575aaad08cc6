import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findServer, freePort } from '@jspolicy/servers';
import { tempDir } from '../temp-dir.ts';
import { toStderr } from '../to-stderr.ts';
import { type SinkServer, startListening } from './sink-server.ts';

export interface OtelCollector extends SinkServer {
  readonly endpoint: string;
  /** What it wrote: its own lines, and each record in full. */
  output(): Promise<string>;
}

/** An OpenTelemetry collector that takes OTLP over HTTP and writes what it got. */
export async function otelCollectorForTest(): Promise<OtelCollector> {
  const command = await findServer('otelcol', { onProgress: toStderr });
  const dir = await tempDir();
  const port = await freePort();
  const config = join(dir.path, 'config.json');
  const logFile = join(dir.path, 'otelcol.log');
  await writeFile(config, JSON.stringify(configuration(port)));
  const child = await startListening({ name: 'otelcol', command, args: ['--config', `file:${config}`], logFile }, [
    port,
  ]);
  return {
    endpoint: `http://127.0.0.1:${port}`,
    output: () => readFile(logFile, 'utf8'),
    async stop() {
      await child.stop();
      await dir.remove();
    },
  };
}

/** JSON is YAML. */
const configuration = (port: number) => ({
  receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${port}` } } } },
  exporters: { debug: { verbosity: 'detailed' } },
  service: {
    telemetry: { metrics: { level: 'none' } },
    pipelines: { logs: { receivers: ['otlp'], exporters: ['debug'] } },
  },
});
