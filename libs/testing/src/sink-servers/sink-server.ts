import { connect } from 'node:net';
import { type Child, type ChildOptions, startChild, untilServing } from '@jspolicy/servers';

/** A server of somebody else's, in a folder of its own. */
export interface SinkServer {
  /** May be called twice. */
  stop(): Promise<void>;
}

/** A JVM on a busy machine takes its time. */
const START_TIMEOUT_MS = 120_000;

/** Starts a server that takes connections on 127.0.0.1 once it serves. Throws SERVER_NOT_STARTED with its last lines. */
export async function startListening(options: ChildOptions, ports: readonly number[]): Promise<Child> {
  const child = await startChild(options);
  try {
    await untilServing([child], START_TIMEOUT_MS, async () => {
      const taken = await Promise.all(ports.map(takesConnections));
      return taken.every(Boolean) || undefined;
    });
    return child;
  } catch (error) {
    await child.stop();
    throw error;
  }
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
