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

/** What is judged: a policy with another bundle is another policy. */
export interface Judged {
  policy: string;
  digest: string;
}

/** Policies that keep ending sandbox processes wait, longer each time. */
export class Quarantine {
  /** By digest, then by policy. */
  readonly #records = new Map<string, Map<string, Record>>();

  /** Undefined: the policy may be evaluated. */
  check({ policy, digest }: Judged, now: number): string | undefined {
    const record = this.#records.get(digest)?.get(policy);
    if (!record || record.until <= now) return undefined;
    const seconds = Math.ceil((record.until - now) / 1000);
    return `policy ${policy} is quarantined: its code ended the sandbox ${STRIKES} times in a minute (last: ${record.last}); next try in ${seconds} s`;
  }

  /** A process ended while it evaluated the policy. Gives what to tell when that was once too often. */
  strike(judged: Judged, reason: string, now: number): Quarantined | undefined {
    const record = this.#recordOf(judged);
    record.last = reason;
    record.strikes = [...record.strikes.filter((time) => time > now - WINDOW_MS), now];
    if (record.strikes.length < STRIKES) return undefined;
    record.until = now + Math.min(BACKOFF.maxMs, BACKOFF.baseMs * 2 ** record.releases++);
    // One more strike after the wait is enough.
    record.strikes = record.strikes.slice(-(STRIKES - 1));
    return { until: record.until, reason };
  }

  /** The bundle is gone. */
  forget(digest: string): void {
    this.#records.delete(digest);
  }

  #recordOf({ policy, digest }: Judged): Record {
    const byPolicy = this.#records.get(digest) ?? new Map<string, Record>();
    this.#records.set(digest, byPolicy);
    const record = byPolicy.get(policy) ?? { strikes: [], releases: 0, until: 0, last: '' };
    byPolicy.set(policy, record);
    return record;
  }
}
