import type { SinkEvent } from '@jspolicy/sinks';

/** Repetitions that are known at a time; beyond it the one that was not seen for the longest time is forgotten. */
const MAX_KEYS = 10_000;

interface Seen {
  count: number;
  firstMs: number;
  /** Positions in the stream: what is delivered again does not count twice. */
  lastSequence: number;
}

/** Counts how often the same user, object and policy came within a window that begins with the first of them. */
export class OccurrenceCounter {
  readonly #windowMs: number;
  readonly #seen = new Map<string, Seen>();

  constructor(windowSeconds: number) {
    this.#windowMs = windowSeconds * 1_000;
  }

  /** Forgets everything: somebody else may have counted. */
  reset(): void {
    this.#seen.clear();
  }

  /** The event with its number within the window, from 1. */
  counted({ event, sequence }: Pick<SinkEvent, 'event' | 'sequence'>): SinkEvent['event'] {
    const { policy, user, object } = event.data;
    const key = JSON.stringify([policy, user.username, object.apiVersion, object.kind, object.namespace, object.name]);
    const occurrences = this.#count(key, Date.parse(event.time), sequence);
    return { ...event, data: { ...event.data, occurrences } };
  }

  #count(key: string, timeMs: number, sequence: number): number {
    const before = this.#seen.get(key);
    const again = before !== undefined && timeMs - before.firstMs <= this.#windowMs;
    const seen = again ? before : { count: 0, firstMs: timeMs, lastSequence: 0 };
    if (sequence > seen.lastSequence) {
      seen.count++;
      seen.lastSequence = sequence;
    }
    this.#seen.delete(key);
    this.#seen.set(key, seen);
    const [oldest] = this.#seen.keys();
    if (this.#seen.size > MAX_KEYS && oldest !== undefined) this.#seen.delete(oldest);
    return seen.count;
  }
}
