import { type BusService, EngineError, inboxPrefix, MAX_PAYLOAD_BYTES } from '@jspolicy/contracts';
import { type Logger, pause } from '@jspolicy/runtime';
import { AuthorizationError, type ConnectionOptions, type NatsConnection } from '@nats-io/nats-core';
import { connect } from '@nats-io/transport-node';
import { type BusConfig, serverList } from './bus-settings.ts';
import { securityOptions } from './connection-options.ts';
import { dropSocket } from './stale-connection.ts';

export interface ConnectOptions {
  /** One or more URLs, separated by commas. */
  servers: string;
  /** Who this is, and TLS, as busSettings read it. */
  security?: Partial<BusConfig>;
  /** Shown in the server's list of connections. */
  name: string;
  /** Whose subjects answers come to; absent: those that nobody's permissions are made for. */
  service?: BusService;
  log: Logger;
  /** Ends waiting for a server that is not there yet: connectBus rejects then. */
  signal?: AbortSignal;
  /** The client gave the connection up for good: this bus can do nothing any more. Not called for close(). */
  onGivenUp?: (error: Error) => void;
}

/** Short, because requests wait meanwhile; jitter keeps many clients from coming back at once. */
const RECONNECT = { reconnectTimeWait: 100, reconnectJitter: 100, maxReconnectAttempts: -1 };
/** A server that hangs is noticed after two pings. */
const PING = { pingInterval: 5_000, maxPingOut: 2 };
/**
 * For a dial with TLS and what the server says first. The client begins with the server that it just lost, which may be cut
 * off: the client's own 20 s are longer than most requests have.
 */
const DIAL = { timeout: 5_000 };
/** A server that starts at the same time as we do is not worth a line. */
const QUIET_MS = 2_000;

/** Connects, and stays connected until close: waits for a server that is not there yet, or does not let us in yet. */
export async function openConnection(options: ConnectOptions): Promise<NatsConnection> {
  const { log, name, security = {} } = options;
  const servers = serverList(options.servers);
  const connection = await firstConnection(
    {
      ...RECONNECT,
      ...PING,
      ...DIAL,
      ...securityOptions({ ...security, natsUrl: options.servers }),
      servers,
      name,
      ...(options.service && { inboxPrefix: inboxPrefix(options.service) }),
      // A password that is being changed must not end the connection for good.
      ignoreAuthErrorAbort: true,
      // Captured stack traces halve the request rate.
      noAsyncTraces: true,
    },
    options,
  );
  try {
    checkPayloadLimit(connection);
  } catch (error) {
    await connection.close();
    throw error;
  }
  void logStatus(connection, log);
  return connection;
}

/**
 * The client would wait by itself, but not say for what. Who gives up is told that the server did not let us in, if it ever
 * said so: a forwarded port may be gone with the first refusal.
 */
async function firstConnection(options: ConnectionOptions, { log, signal }: ConnectOptions): Promise<NatsConnection> {
  const began = performance.now();
  let refused = '';
  // Each reason once: several servers may have several, by turns.
  const told = new Set<string>();
  for (;;) {
    try {
      return await connect(options);
    } catch (cause) {
      if (cause instanceof AuthorizationError) refused = cause.message;
      const why = reasonOf(cause);
      if (signal?.aborted)
        throw new EngineError('BUS_UNAVAILABLE', `no connection to NATS: ${refused || why}`, { cause });
      if (!told.has(why) && performance.now() - began > QUIET_MS) {
        log.warn({ servers: options.servers, why }, 'waiting for NATS');
        told.add(why);
      }
      await pause(RECONNECT.reconnectTimeWait + Math.random() * RECONNECT.reconnectJitter, signal);
    }
  }
}

/** A server says why it lets nobody in, and ends the connection; what lies between may cut it off before that is read. */
function reasonOf(cause: unknown): string {
  const why = cause instanceof Error ? cause.message : String(cause);
  return why.includes('ECONNRESET') ? `${why}: ${CUT_OFF}` : why;
}

const CUT_OFF =
  'the server, or what lies between, cut the connection off. Through kubectl port-forward that is what a wrong NATS_USER or NATS_PASSWORD looks like';

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
    if (status.type === 'staleConnection') dropSocket(connection);
    else if (status.type === 'disconnect') log.warn('NATS connection lost');
    else if (status.type === 'reconnect') log.info('NATS connection is back');
    else if (status.type === 'error') log.error({ err: status.error }, 'NATS server error');
    else if (status.type === 'slowConsumer') log.warn('NATS slow consumer');
  }
}
