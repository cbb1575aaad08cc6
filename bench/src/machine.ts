import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { promisify } from 'node:util';
import { findServer, type ServerName } from '@jspolicy/servers';

const MIB = 1024 * 1024;

export interface Machine {
  cores: number;
  model: string;
  memoryMiB: number;
  kernel: string;
  /** Of the last minute before the start: what others do on this machine. */
  loadAverage: number;
}

export function machine(): Machine {
  const cores = cpus();
  return {
    cores: cores.length,
    model: cores[0]?.model ?? 'unknown',
    memoryMiB: Math.round(totalmem() / MIB),
    kernel: release(),
    loadAverage: loadavg()[0] ?? 0,
  };
}

/** Versions by name. Servers that are not there yet are fetched or built. */
export async function versions(): Promise<Record<string, string>> {
  return {
    node: process.versions.node,
    v8: process.versions.v8,
    openssl: process.versions.openssl,
    'isolated-vm': packageVersion('isolated-vm'),
    'nats-server': await serverVersion('nats-server'),
    'kube-apiserver': await serverVersion('kube-apiserver'),
  };
}

function packageVersion(name: string): string {
  const file = createRequire(import.meta.url).resolve(`${name}/package.json`);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

async function serverVersion(name: ServerName): Promise<string> {
  const file = await findServer(name, { onProgress: (line) => process.stderr.write(`${line}\n`) });
  const { stdout } = await promisify(execFile)(file, ['--version'], { timeout: 30_000 });
  return /v?(\d+\.\d+\.\d+\S*)/.exec(stdout)?.[1] ?? stdout.trim();
}
