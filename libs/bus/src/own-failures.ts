import type { JsMsg } from '@nats-io/jetstream';

/** More than wait at the same time; what another replica handled after it failed here is never forgotten otherwise. */
const MAX_MESSAGES = 10_000;

/**
 * How often each message failed by its own fault in this process. The server's count of deliveries also has those that a
 * restart, an outage or the end of a process cut short.
 */
export class OwnFailures {
  readonly #counts = new Map<string, number>();

  /** Counts one more and gives the number. */
  count(message: JsMsg): number {
    const key = keyOf(message);
    const failures = (this.#counts.get(key) ?? 0) + 1;
    // The newest stand at the end.
    this.#counts.delete(key);
    this.#counts.set(key, failures);
    const [oldest] = this.#counts.keys();
    if (this.#counts.size > MAX_MESSAGES && oldest !== undefined) this.#counts.delete(oldest);
    return failures;
  }

  forget(message: JsMsg): void {
    this.#counts.delete(keyOf(message));
  }
}

/** A stream that was made anew counts from one again. */
const keyOf = ({ seq, info }: JsMsg): string => `${seq} ${info.timestampNanos}`;
