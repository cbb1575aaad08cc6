import { EngineError, MAX_PAYLOAD_BYTES } from '@jspolicy/contracts';
import type { Logger } from '@jspolicy/runtime';
import type { NatsConnection } from '@nats-io/nats-core';
import { connect } from '@nats-io/transport-node';

export interface ConnectOptions {
  /** One or more URLs, separated by commas. */
  servers: string;
  /** Shown in the server's list of connections. */
  name: string;
  log: Logger;
}

/** Short, because requests wait meanwhile; jitter keeps many clients from coming back at once. */
const RECONNECT = { reconnectTimeWait: 100, reconnectJitter: 100, maxReconnectAttempts: -1 };
/** A server that hangs is noticed after two pings. */
const PING = { pingInterval: 5_000, maxPingOut: 2 };

/** Connects, and stays connected until close: waits for a server that is not there yet. */
export async function openConnection(options: ConnectOptions): Promise<NatsConnection> {
  const servers = options.servers.split(',').map((server) => server.trim());
  const waiting = setTimeout(() => options.log.warn({ servers }, 'waiting for NATS'), 2_000);
  try {
    const connection = await connect({
      ...RECONNECT,
      ...PING,
      servers,
      name: options.name,
      waitOnFirstConnect: true,
      // A password that is being changed must not end the connection for good.
      ignoreAuthErrorAbort: true,
      // Captured stack traces halve the request rate.
      noAsyncTraces: true,
    });
    checkPayloadLimit(connection);
    void logStatus(connection, options.log);
    return connection;
  } finally {
    clearTimeout(waiting);
  }
}

function checkPayloadLimit(connection: NatsConnection): void {
  const limit = connection.info?.max_payload ?? 0;
  if (limit >= MAX_PAYLOAD_BYTES) return;
  throw new EngineError(
    'BUS_UNAVAILABLE',
    `the NATS server carries at most ${limit} bytes in a message; set max_payload: ${MAX_PAYLOAD_BYTES} in its configuration`,
  );
}

async function logStatus(connection: NatsConnection, log: Logger): Promise<void> {
  for await (const status of connection.status()) {
    if (status.type === 'disconnect') log.warn('NATS connection lost');
    else if (status.type === 'reconnect') log.info('NATS connection is back');
    else if (status.type === 'error') log.error({ err: status.error }, 'NATS server error');
    else if (status.type === 'slowConsumer') log.warn('NATS slow consumer');
  }
}
