import type { Logger } from '@jspolicy/runtime';
import type { NatsConnection } from '@nats-io/nats-core';
import { ObjectBundleStore } from './bundle-store.ts';
import { type ConnectOptions, openConnection } from './connection.ts';
import { KvPolicyStore } from './policy-store.ts';
import type {
  Bus,
  BusReply,
  ConsumeOptions,
  Consumer,
  Publication,
  ReplayOptions,
  RequestHandler,
  RequestOptions,
  Retention,
  Running,
} from './port.ts';
import { KvQuarantineStore } from './quarantine-store.ts';
import { Reconnects } from './reconnects.ts';
import { Requester } from './requester.ts';
import { Responder } from './responder.ts';
import { publish, streamIdentity } from './stream.ts';
import { consume } from './stream-consumer.ts';
import { StreamReplay } from './stream-replay.ts';
import { ensureTopology } from './topology.ts';
import { StreamWorkQueues } from './work/work-queues.ts';

/** Connects to NATS and keeps the connection until close(). Throws EngineError when the server's limits do not fit. */
export async function connectBus(options: ConnectOptions): Promise<Bus> {
  return new NatsBus(await openConnection(options), options.log);
}

class NatsBus implements Bus {
  readonly policies: KvPolicyStore;
  readonly bundles: ObjectBundleStore;
  readonly quarantines: KvQuarantineStore;
  readonly work: StreamWorkQueues;
  readonly #connection: NatsConnection;
  readonly #log: Logger;
  readonly #requester: Requester;
  readonly #reconnects = new Reconnects();
  #connected = true;

  constructor(connection: NatsConnection, log: Logger) {
    this.#connection = connection;
    this.#log = log;
    this.policies = new KvPolicyStore(connection, this.#reconnects, log);
    this.quarantines = new KvQuarantineStore(connection, this.#reconnects, log);
    this.work = new StreamWorkQueues(connection, this.#reconnects, log);
    this.bundles = new ObjectBundleStore(connection);
    this.#requester = new Requester(connection, () => this.#connected);
    void this.#followConnection();
  }

  get connected(): boolean {
    return this.#connected;
  }

  request(subject: string, body: Uint8Array, options: RequestOptions): Promise<BusReply> {
    return this.#requester.request(subject, body, options);
  }

  serve(subject: string, queue: string, handler: RequestHandler): Running {
    return new Responder(this.#connection, { subject, queue, handler, log: this.#log });
  }

  ensureTopology(retention?: Retention): Promise<void> {
    return ensureTopology(this.#connection, retention);
  }

  publish(subject: string, body: Uint8Array, options: { id: string; timeoutMs: number }): Promise<Publication> {
    return publish(this.#connection, subject, body, options);
  }

  consume(options: ConsumeOptions): Promise<Consumer> {
    return consume(this.#connection, options, this.#log);
  }

  replay(options: ReplayOptions): Running {
    return new StreamReplay(this.#connection, options, this.#log);
  }

  streamIdentity(stream: string): Promise<string> {
    return streamIdentity(this.#connection, stream);
  }

  async close(): Promise<void> {
    this.#requester.close();
    if (this.#connection.isClosed()) return;
    if (this.#connected) await this.#connection.flush().catch(() => undefined);
    await this.#connection.close();
  }

  async #followConnection(): Promise<void> {
    for await (const status of this.#connection.status()) {
      if (status.type === 'disconnect') this.#connected = false;
      if (status.type !== 'reconnect') continue;
      this.#connected = true;
      this.#requester.askAllAgain();
      this.#reconnects.tell();
    }
  }
}
