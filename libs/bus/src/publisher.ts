import { jetstream } from '@nats-io/jetstream';
import {
  type ConnectionOptions,
  credsAuthenticator,
  type NatsConnection,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from '@nats-io/nats-core';
import { connect } from '@nats-io/transport-node';

/** Another NATS, which somebody else runs. */
export interface PublisherTarget {
  /** nats:// or tls:// */
  servers: string;
  user?: string | undefined;
  password?: string | undefined;
  token?: string | undefined;
  /** The text of a credentials file. */
  credentials?: string | undefined;
  /** PEM of the authority that signed its certificate. */
  ca?: string | undefined;
  signal: AbortSignal;
}

export interface Publisher {
  /** Resolves when the server has it; with JetStream when a stream has it, once for each id. */
  publish(subject: string, body: string, options: { id: string; jetStream: boolean; timeoutMs: number }): Promise<void>;
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 5_000;

/** Connects once; a connection that is lost stays lost. Rejects when there is no server or it does not let us in. */
export async function connectPublisher(target: PublisherTarget): Promise<Publisher> {
  const connection = await connect(optionsOf(target));
  if (target.signal.aborted) await connection.close();
  return new ConnectedPublisher(connection);
}

function optionsOf({ servers, user, password, token, credentials, ca }: PublisherTarget): ConnectionOptions {
  const authenticator = credentials
    ? credsAuthenticator(new TextEncoder().encode(credentials))
    : user !== undefined
      ? usernamePasswordAuthenticator(user, password)
      : token !== undefined
        ? tokenAuthenticator(token)
        : undefined;
  return {
    servers,
    name: 'jspolicy sink',
    timeout: CONNECT_TIMEOUT_MS,
    reconnect: false,
    noAsyncTraces: true,
    ...(authenticator && { authenticator }),
    ...((ca !== undefined || servers.startsWith('tls://')) && { tls: ca === undefined ? {} : { ca } }),
  };
}

class ConnectedPublisher implements Publisher {
  readonly #connection: NatsConnection;

  constructor(connection: NatsConnection) {
    this.#connection = connection;
  }

  async publish(subject: string, body: string, options: { id: string; jetStream: boolean; timeoutMs: number }) {
    const { id, jetStream, timeoutMs } = options;
    if (jetStream) {
      await jetstream(this.#connection).publish(subject, body, { msgID: id, timeout: timeoutMs });
      return;
    }
    this.#connection.publish(subject, body);
    await this.#connection.flush();
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }
}
