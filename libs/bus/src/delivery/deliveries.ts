import type { Logger } from '@jspolicy/runtime';
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { isMissing } from '../missing.ts';
import type { Claims } from '../work/claims.ts';
import { ensureConsumer } from './consumer.ts';
import { OrderedDelivery } from './ordered-delivery.ts';
import type { Deliveries, Delivery, DeliveryOptions } from './port.ts';

export class StreamDeliveries implements Deliveries {
  readonly #connection: NatsConnection;
  readonly #claims: Claims;
  readonly #log: Logger;

  constructor(connection: NatsConnection, claims: Claims, log: Logger) {
    this.#connection = connection;
    this.#claims = claims;
    this.#log = log;
  }

  async begin(options: DeliveryOptions): Promise<Delivery> {
    // At once, also by those whose turn it is not: a new sink begins where the stream is now.
    await ensureConsumer(this.#connection, options);
    return new OrderedDelivery({ connection: this.#connection, claims: this.#claims, log: this.#log, options });
  }

  async names(stream: string): Promise<string[]> {
    const { consumers } = await jetstreamManager(this.#connection);
    const names: string[] = [];
    for await (const { name } of consumers.list(stream)) names.push(name);
    return names;
  }

  async remove(stream: string, durable: string): Promise<void> {
    const { consumers } = await jetstreamManager(this.#connection);
    try {
      await consumers.delete(stream, durable);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
}
