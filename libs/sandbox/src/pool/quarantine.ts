const WINDOW_MS = 60_000;
const STRIKES = 5;
const BACKOFF = { baseMs: 1_000, maxMs: 60_000 };

interface Record {
  strikes: number[];
  releases: number;
  until: number;
  last: string;
}

export interface Quarantined {
  until: number;
  reason: string;
}

/** Policies that keep ending sandbox processes wait, longer each time. */
export class Quarantine {
  readonly #records = new Map<string, Record>();

  /** Undefined: the policy may be evaluated. */
  check(policy: string, now: number): string | undefined {
    const record = this.#records.get(policy);
    if (!record || record.until <= now) return undefined;
    const seconds = Math.ceil((record.until - now) / 1000);
    return `policy ${policy} is quarantined: its code ended the sandbox ${STRIKES} times in a minute (last: ${record.last}); next try in ${seconds} s`;
  }

  /** A process ended while it evaluated the policy. Gives what to tell when that was once too often. */
  strike(policy: string, reason: string, now: number): Quarantined | undefined {
    const record = this.#records.get(policy) ?? { strikes: [], releases: 0, until: 0, last: '' };
    this.#records.set(policy, record);
    record.last = reason;
    record.strikes = [...record.strikes.filter((time) => time > now - WINDOW_MS), now];
    if (record.strikes.length < STRIKES) return undefined;
    record.until = now + Math.min(BACKOFF.maxMs, BACKOFF.baseMs * 2 ** record.releases++);
    // One more strike after the wait is enough.
    record.strikes = record.strikes.slice(-(STRIKES - 1));
    return { until: record.until, reason };
  }
}
