import { EngineError, inboxPrefix, WORK_CLAIMS_BUCKET } from '@jspolicy/contracts';
import type { Logger } from '@jspolicy/runtime';
import type { NatsConnection } from '@nats-io/nats-core';
import { ObjectBundleStore } from './bundle-store.ts';
import { ConnectionCalls } from './calls.ts';
import { type ConnectOptions, openConnection } from './connection.ts';
import { StreamDeadLetters } from './delivery/dead-letter-store.ts';
import { StreamDeliveries } from './delivery/deliveries.ts';
import { KvBucket } from './kv-bucket.ts';
import { KvPolicyStore } from './policy-store.ts';
import type { Bus, BusOutage, BusReply, RequestHandler, RequestOptions } from './port.ts';
import { KvQuarantineStore } from './quarantine-store.ts';
import { Reconnects } from './reconnects.ts';
import { Requester } from './requester.ts';
import { Responder } from './responder.ts';
import type { Running } from './running.ts';
import { publish, streamIdentity } from './stream.ts';
import { consume } from './stream-consumer.ts';
import type {
  ConsumeOptions,
  Consumer,
  Publication,
  ReadOptions,
  ReplayOptions,
  Retention,
  StreamMessage,
} from './stream-port.ts';
import { readStream } from './stream-reader.ts';
import { StreamReplay } from './stream-replay.ts';
import { ensureCopies, ensureTopology } from './topology.ts';
import { Claims } from './work/claims.ts';
import { StreamWorkQueues } from './work/work-queues.ts';

/** Connects to NATS and keeps the connection until close(). Throws EngineError when the server's limits do not fit. */
export async function connectBus(options: ConnectOptions): Promise<Bus> {
  return new NatsBus(await openConnection(options), options);
}

class NatsBus implements Bus {
  readonly calls: ConnectionCalls;
  readonly policies: KvPolicyStore;
  readonly bundles: ObjectBundleStore;
  readonly quarantines: KvQuarantineStore;
  readonly work: StreamWorkQueues;
  readonly deliveries: StreamDeliveries;
  readonly deadLetters: StreamDeadLetters;
  readonly #connection: NatsConnection;
  readonly #log: Logger;
  readonly #requester: Requester;
  readonly #reconnects = new Reconnects();
  readonly #onGivenUp: ((error: Error) => void) | undefined;
  #away: BusOutage | undefined;
  #timesBack = 0;
  #closing = false;

  constructor(connection: NatsConnection, { log, service, onGivenUp }: ConnectOptions) {
    this.#connection = connection;
    this.#log = log;
    this.#onGivenUp = onGivenUp;
    this.calls = new ConnectionCalls(connection, log, service && inboxPrefix(service));
    this.policies = new KvPolicyStore(connection, this.#reconnects, log);
    this.quarantines = new KvQuarantineStore(connection, this.#reconnects, log);
    this.work = new StreamWorkQueues(connection, this.#reconnects, log);
    const claims = new Claims(new KvBucket(connection, WORK_CLAIMS_BUCKET, this.#reconnects, log), log);
    this.deliveries = new StreamDeliveries(connection, claims, log);
    this.deadLetters = new StreamDeadLetters(connection);
    this.bundles = new ObjectBundleStore(connection);
    this.#requester = new Requester(connection, () => this.connected, service && inboxPrefix(service));
    void this.#followConnection();
    void connection.closed().then((error) => this.#onClosed(error));
  }

  get connected(): boolean {
    return this.#away === undefined;
  }

  get timesBack(): number {
    return this.#timesBack;
  }

  get away(): BusOutage | undefined {
    return this.#away;
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

  ensureCopies(of: 'record' | 'others'): Promise<string[]> {
    return ensureCopies(this.#connection, of);
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

  read(options: ReadOptions): AsyncIterable<StreamMessage> {
    return readStream(this.#connection, options);
  }

  streamIdentity(stream: string): Promise<string> {
    return streamIdentity(this.#connection, stream);
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#requester.close();
    if (this.#connection.isClosed()) return;
    if (this.connected) await this.#connection.flush().catch(() => undefined);
    await this.#connection.close();
  }

  async #followConnection(): Promise<void> {
    for await (const status of this.#connection.status()) {
      if (status.type === 'disconnect') this.#away ??= { since: new Date() };
      // Why one does not get in again: the server's own words, such as a password that it does not know.
      if (status.type === 'error' && this.#away) this.#away = { ...this.#away, why: status.error.message };
      if (status.type !== 'reconnect') continue;
      this.#away = undefined;
      this.#timesBack++;
      this.#requester.askAllAgain();
      this.#reconnects.tell();
    }
  }

  #onClosed(cause: unknown): void {
    if (this.#closing) return;
    const why = cause instanceof Error ? cause.message : 'no reason is known';
    this.#away = { since: this.#away?.since ?? new Date(), why };
    const text = `the connection to NATS was given up: ${why}`;
    this.#log.error({ err: cause }, 'NATS connection given up');
    this.#requester.close();
    this.#onGivenUp?.(new EngineError('BUS_UNAVAILABLE', text, { cause }));
  }
}
