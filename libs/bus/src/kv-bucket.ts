import type { Logger } from '@jspolicy/runtime';
import { type KV, Kvm } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/nats-core';
import { type EntryHandler, KvWatch } from './kv-watch.ts';
import type { Reconnects } from './reconnects.ts';
import type { Running } from './running.ts';

/** A bucket that was made already, opened when it is needed first. */
export class KvBucket {
  readonly #kvm: Kvm;
  readonly #name: string;
  readonly #reconnects: Reconnects;
  readonly #log: Logger;
  #opened: Promise<KV> | undefined;

  constructor(connection: NatsConnection, name: string, reconnects: Reconnects, log: Logger) {
    this.#log = log;
    this.#kvm = new Kvm(connection);
    this.#name = name;
    this.#reconnects = reconnects;
  }

  open(): Promise<KV> {
    this.#opened ??= this.#kvm.open(this.#name).catch((error: unknown) => {
      this.#opened = undefined;
      throw error;
    });
    return this.#opened;
  }

  /** Tells what there is, then what changes, also when the server lost its files meanwhile. */
  async watch(handler: EntryHandler): Promise<Running> {
    const watch = new KvWatch({
      bucket: await this.open(),
      name: this.#name,
      handler,
      reconnects: this.#reconnects,
      log: this.#log,
    });
    await watch.begin();
    return watch;
  }
}
