import { randomUUID } from 'node:crypto';
import type { Bus } from '@jspolicy/bus';
import { type WorkMessage, workSubject } from '@jspolicy/contracts';
import { backoffMs, type Logger, pause } from '@jspolicy/runtime';

/** Publications that are not acknowledged yet. */
const IN_FLIGHT = 64;
const PUBLISH_MS = 5_000;
const RETRY = { baseMs: 100, maxMs: 5_000 };

interface Waiting {
  work: WorkMessage;
  /** Of this event: a publication that is repeated because its acknowledgement was lost is one. */
  id: string;
}

interface Publication {
  policy: string;
  done: Promise<void>;
  /** Its policy is gone. */
  useless: AbortController;
}

interface WorkPublisherParts {
  work: Pick<Bus['work'], 'put'>;
  /** Aborts when this replica leads no more. */
  signal: AbortSignal;
  onQueued(policy: string): void;
  log: Logger;
}

/** Brings work into the stream. What the stream does not take waits here, the newest event of each object. */
export class WorkPublisher {
  readonly #parts: WorkPublisherParts;
  /** By subject, in the order in which they came. */
  readonly #waiting = new Map<string, Waiting>();
  readonly #publishing = new Map<string, Publication>();

  constructor(parts: WorkPublisherParts) {
    this.#parts = parts;
  }

  put(work: WorkMessage): void {
    this.#waiting.set(workSubject(work), { work, id: randomUUID() });
    this.#next();
  }

  /** Resolves when nothing of the policy is on its way any more. */
  async forget(policy: string): Promise<void> {
    for (const [subject, { work }] of this.#waiting) if (work.policy === policy) this.#waiting.delete(subject);
    const ours = [...this.#publishing.values()].filter((each) => each.policy === policy);
    for (const { useless } of ours) useless.abort();
    await Promise.all(ours.map(({ done }) => done));
  }

  /** An object whose event is on its way waits with the next one: the later must arrive later. */
  #next(): void {
    for (const [subject, waiting] of this.#waiting) {
      if (this.#publishing.size >= IN_FLIGHT || this.#parts.signal.aborted) return;
      if (this.#publishing.has(subject)) continue;
      this.#waiting.delete(subject);
      const useless = new AbortController();
      const done = this.#publish(subject, waiting, useless.signal);
      this.#publishing.set(subject, { policy: waiting.work.policy, done, useless });
    }
  }

  async #publish(subject: string, { work, id }: Waiting, useless: AbortSignal): Promise<void> {
    const { log } = this.#parts;
    const signal = AbortSignal.any([this.#parts.signal, useless]);
    // A newer event makes this one useless too.
    for (let attempt = 0; !signal.aborted && !this.#waiting.has(subject); attempt++) {
      try {
        const { duplicate } = await this.#parts.work.put(work, { id, timeoutMs: PUBLISH_MS });
        if (!duplicate) this.#parts.onQueued(work.policy);
        break;
      } catch (err) {
        if (attempt === 0) log.warn({ err, subject }, 'work was not taken by the stream, it is tried again');
        await pause(backoffMs(attempt, RETRY), signal);
      }
    }
    this.#publishing.delete(subject);
    this.#next();
  }
}
