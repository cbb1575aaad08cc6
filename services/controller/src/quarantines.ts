import type { Bus, Running } from '@jspolicy/bus';
import type { QuarantineRecord } from '@jspolicy/contracts';
import { backoffMs, type Logger, pause } from '@jspolicy/runtime';

/**
 * A quarantine that ended counts for so long: a policy that ends the sandbox again with its next request is quarantined
 * again within this time, and its status does not go back and forth.
 */
const LINGER_MS = 5_000;
/** No evaluator asks for more. A clock that is wrong must not quarantine a policy for ever. */
const LONGEST_MS = 10 * 60_000;
const RETRY = { baseMs: 200, maxMs: 5_000 };

interface Entry {
  endsAt: number;
  reason: string;
}

interface QuarantinesParts {
  bus: Pick<Bus, 'quarantines' | 'ensureTopology'>;
  log: Logger;
  /** A policy's quarantine began or ended. */
  onChange(policy: string): void;
}

/** Which policies evaluators do not evaluate now, by what they tell on the bus. */
export class Quarantines implements Running {
  readonly #parts: QuarantinesParts;
  /** By policy, then by evaluator. */
  readonly #entries = new Map<string, Map<string, Entry>>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #stopping = new AbortController();
  readonly #watching: Promise<Running | undefined>;
  /** Everything that was told before this leader began is known. */
  readonly synced: Promise<void>;

  constructor(parts: QuarantinesParts) {
    this.#parts = parts;
    let told: () => void = () => undefined;
    this.synced = new Promise((resolve) => {
      told = resolve;
    });
    this.#watching = this.#watch(told);
  }

  /** What the status says of it; undefined: it is evaluated everywhere. The same text as long as nothing new happened. */
  reasonOf(policy: string): string | undefined {
    const entries = this.#entries.get(policy);
    if (!entries) return undefined;
    // One text while several evaluators tell several reasons: a status that changes with each is a write with each.
    const [reason] = [...entries.values()].map((entry) => entry.reason).sort();
    return reason;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const timer of this.#timers.values()) clearTimeout(timer);
    await (await this.#watching)?.stop();
  }

  async #watch(onSynced: () => void): Promise<Running | undefined> {
    const { bus, log } = this.#parts;
    for (let attempt = 0; !this.#stopping.signal.aborted; attempt++) {
      try {
        await bus.ensureTopology();
        return await bus.quarantines.watch({ onSynced, onPut: (record) => this.#put(record) });
      } catch (err) {
        log.warn({ err }, 'quarantines cannot be followed yet');
        await pause(backoffMs(attempt, RETRY), this.#stopping.signal);
      }
    }
    return undefined;
  }

  #put({ policy, evaluator, until, reason }: QuarantineRecord): void {
    const now = Date.now();
    const endsAt = Math.min(Date.parse(until), now + LONGEST_MS) + LINGER_MS;
    if (endsAt <= now || this.#stopping.signal.aborted) return;
    const entries = this.#entries.get(policy) ?? new Map<string, Entry>();
    this.#entries.set(policy, entries);
    entries.set(evaluator, { endsAt, reason });
    this.#wait(policy, entries, now);
    this.#parts.onChange(policy);
  }

  #wait(policy: string, entries: Map<string, Entry>, now: number): void {
    clearTimeout(this.#timers.get(policy));
    const last = Math.max(...[...entries.values()].map(({ endsAt }) => endsAt));
    this.#timers.set(
      policy,
      setTimeout(() => this.#end(policy), last - now),
    );
  }

  #end(policy: string): void {
    this.#entries.delete(policy);
    this.#timers.delete(policy);
    this.#parts.onChange(policy);
  }
}
