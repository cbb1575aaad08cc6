import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Child, startChild } from './child.ts';
import { untilServing } from './serving.ts';

const START_TIMEOUT_MS = 120_000;

// Sockets, not ports: nobody else can reach it, and two that start at once cannot collide. The names are relative to
// the folder it runs in, because the path of a socket must be short; etcd asks for something that looks like a port.
const CLIENT_SOCKET = 'etcd.sock:0';
const PEER_SOCKET = 'etcd-peer.sock:0';

/** For a kube-apiserver that runs in the same folder. */
export const ETCD_URL = `unix://${CLIENT_SOCKET}`;

/** Starts etcd in the folder, with its data there. Resolves when it listens. The caller stops it. */
export async function startEtcd(command: string, dir: string): Promise<Child> {
  // One that was killed leaves its socket behind.
  await rm(join(dir, CLIENT_SOCKET), { force: true });
  const peer = `unix://${PEER_SOCKET}`;
  const args = [
    '--data-dir=etcd-data',
    // What a crash of the machine would lose, a cluster on a laptop can lose.
    '--unsafe-no-fsync',
    `--listen-client-urls=${ETCD_URL}`,
    `--advertise-client-urls=${ETCD_URL}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
  ];
  const child = await startChild({ name: 'etcd', command, args, cwd: dir, logFile: join(dir, 'etcd.log') });
  try {
    await untilServing([child], START_TIMEOUT_MS, async () => existsSync(join(dir, CLIENT_SOCKET)) || undefined);
    return child;
  } catch (error) {
    await child.stop();
    throw error;
  }
}
