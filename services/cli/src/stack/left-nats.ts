import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { commandLine } from '@jspolicy/runtime';
import { endProcess } from './end-process.ts';

const STOP_MS = 10_000;

/**
 * Ends a nats-server that an `up` left behind on this directory, when that was killed. Two servers must never write the
 * same streams. Its pid is in the name of the file that it keeps its ports in; its command line says that it is ours.
 */
export async function endLeftNats(storeDir: string): Promise<void> {
  const names = await readdir(join(storeDir, 'ports')).catch(() => []);
  for (const name of names) {
    const pid = Number(/_(\d+)\.ports$/.exec(name)?.[1]);
    if (!Number.isSafeInteger(pid)) continue;
    const command = await commandLine(pid);
    if (command?.includes(join(storeDir, 'nats-server.conf'))) await endProcess(pid, STOP_MS);
  }
}
