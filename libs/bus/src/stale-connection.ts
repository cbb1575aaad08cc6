import type { NatsConnection } from '@nats-io/nats-core';

/** What the client's connection has inside; stale-connection.test.ts tells when that is so no more. */
interface Inside {
  protocol?: { transport?: { close?(error: Error): Promise<void> } };
}

const gone = (): Error => new Error('the server does not answer pings');

/**
 * Ends the socket of a server that answers no pings: the client goes on to another one. By itself it would first wait until
 * all that it wrote has left, which for a server whose machine is gone, or cut off, is minutes.
 */
export function dropSocket(connection: NatsConnection): void {
  const { transport } = (connection as NatsConnection & Inside).protocol ?? {};
  // With an error it does not wait. The rest of what it does is what it does for a connection that broke.
  void transport?.close?.(gone()).catch(() => undefined);
}
