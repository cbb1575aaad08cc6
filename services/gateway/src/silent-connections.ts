import type { Server } from 'node:https';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

/** A request that is on its way when the end begins has come by then. */
const SILENT_MS = 1_000;
const LOOK_MS = 100;

/**
 * When the server closes, ends connections on which no request ever came, or not even a handshake: the API server's client
 * opens some ahead of need. Node counts them as busy, and would wait for them, up to two minutes.
 */
export function endSilentConnections(server: FastifyInstance): void {
  const listener = server.server as unknown as Server;
  const silent = new Map<string, { socket: Socket; sinceMs: number }>();
  listener.on('connection', (socket: Socket) => {
    const key = peerOf(socket);
    silent.set(key, { socket, sinceMs: performance.now() });
    socket.once('close', () => silent.delete(key));
  });
  // Of the socket with TLS, which has the same peer.
  listener.on('request', ({ socket }) => void silent.delete(peerOf(socket)));
  const end = () => {
    for (const { socket, sinceMs } of silent.values()) if (performance.now() - sinceMs >= SILENT_MS) socket.destroy();
  };
  server.addHook('preClose', (done) => {
    const looking = setInterval(end, LOOK_MS);
    listener.once('close', () => clearInterval(looking));
    done();
  });
}

const peerOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;
