import type { Bus, Running } from '@jspolicy/bus';
import type { QuarantineRecord } from '@jspolicy/contracts';
import { backoffMs, type Logger, pause } from '@jspolicy/runtime';
import type { StatusFacts } from './status.ts';

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
  kind: QuarantineRecord['kind'];
}

const CREATES_TOO_MUCH =
  'it creates objects of kinds that it follows, more than FOLLOWED_CREATES_PER_HOUR of an evaluator: create() fails until ' +
  'there is room again, and the objects come again, later each time. If it is no endless loop, raise that setting';
const quarantined = (last: string): string =>
  `the policy's code ended its sandbox again and again (last: ${last}): its requests are answered by its failurePolicy, and it is tried again, later each time`;

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
  problemOf(policy: string): StatusFacts['heldBack'] {
    const entries = [...(this.#entries.get(policy)?.values() ?? [])];
    // One text while several evaluators tell several reasons: a status that changes with each is a write with each.
    const [last] = entries.flatMap(({ kind, reason }) => (kind === undefined ? [reason] : [])).sort();
    if (last !== undefined) return { reason: 'Quarantined', message: quarantined(last) };
    return entries.length > 0 ? { reason: 'CreatesTooMuch', message: CREATES_TOO_MUCH } : undefined;
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

  #put({ policy, evaluator, until, reason, kind }: QuarantineRecord): void {
    const now = Date.now();
    const endsAt = Math.min(Date.parse(until), now + LONGEST_MS) + LINGER_MS;
    if (endsAt <= now || this.#stopping.signal.aborted) return;
    const entries = this.#entries.get(policy) ?? new Map<string, Entry>();
    this.#entries.set(policy, entries);
    entries.set(evaluator, { endsAt, reason, kind });
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
