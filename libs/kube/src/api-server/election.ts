import { pause } from '@jspolicy/runtime';
import type { LeaseHandler, Running } from '../port.ts';
import type { Lease, LeaseRecord, LeaseSpec } from './lease-record.ts';

export interface ElectionTimes {
  /** A holder that did not renew for so long may be replaced. Whole seconds are written into the Lease. */
  leaseDurationMs: number;
  /** A holder that could not renew for so long gives up by itself; less than leaseDurationMs. */
  renewDeadlineMs: number;
  retryPeriodMs: number;
}

/** client-go's defaults. */
export const ELECTION_TIMES: ElectionTimes = { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2000 };

/** Microseconds, as the API writes renewTime. */
const microTime = (): string => new Date().toISOString().replace('Z', '000Z');

/**
 * Tries to hold one Lease until stopped, with client-go's rules: another's lease is judged by the time since its last
 * change was seen on this machine's clock, never by the times that stand in it.
 */
export class Election implements Running {
  readonly #record: LeaseRecord;
  readonly #identity: string;
  readonly #handler: LeaseHandler;
  readonly #times: ElectionTimes;
  readonly #onTrouble: (error: unknown) => void;
  readonly #stopping = new AbortController();
  readonly #done: Promise<void>;
  #observed: { text: string; atMs: number } = { text: '', atMs: 0 };
  #held: Lease | undefined;
  #givingUp: NodeJS.Timeout | undefined;

  constructor(
    record: LeaseRecord,
    identity: string,
    handler: LeaseHandler,
    options: { times: ElectionTimes; onTrouble: (error: unknown) => void },
  ) {
    this.#record = record;
    this.#identity = identity;
    this.#handler = handler;
    this.#times = options.times;
    this.#onTrouble = options.onTrouble;
    this.#done = this.#run();
  }

  /** Tells onLost when the Lease is held, then gives it back, so that another has it at once. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.#tryOnce();
      await pause(this.#times.retryPeriodMs * (this.#held ? 1 : 1 + 0.2 * Math.random()), signal);
    }
    await this.#release();
  }

  async #tryOnce(): Promise<void> {
    const startedMs = performance.now();
    const deadline = AbortSignal.timeout(this.#times.renewDeadlineMs);
    try {
      const lease = await this.#acquireOrRenew(AbortSignal.any([deadline, this.#stopping.signal]));
      if (lease) this.#hold(lease, startedMs);
      else this.#lose();
    } catch (error) {
      if (!this.#stopping.signal.aborted) this.#onTrouble(error);
    }
  }

  /** The Lease as written, or undefined when another holds it. */
  async #acquireOrRenew(signal: AbortSignal): Promise<Lease | undefined> {
    const current = await this.#record.read({ signal });
    const spec = current?.spec ?? {};
    this.#observe(spec);
    const mine = spec.holderIdentity === this.#identity;
    if (!mine && spec.holderIdentity && !this.#isOver(spec)) return undefined;
    return this.#record.write(current, this.#spec(spec, mine && this.#held !== undefined), { signal });
  }

  #observe(spec: LeaseSpec): void {
    const text = JSON.stringify(spec);
    if (text !== this.#observed.text) this.#observed = { text, atMs: performance.now() };
  }

  #isOver(spec: LeaseSpec): boolean {
    const durationMs = (spec.leaseDurationSeconds ?? 0) * 1000;
    return performance.now() - this.#observed.atMs > durationMs;
  }

  #spec(before: LeaseSpec, renewal: boolean): LeaseSpec {
    const now = microTime();
    const transitions = before.leaseTransitions ?? 0;
    const changesHands = before.holderIdentity !== undefined && before.holderIdentity !== this.#identity;
    return {
      holderIdentity: this.#identity,
      leaseDurationSeconds: Math.ceil(this.#times.leaseDurationMs / 1000),
      acquireTime: renewal ? (before.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: changesHands ? transitions + 1 : transitions,
    };
  }

  /** The deadline runs from the moment before the request: others count from a later one. */
  #hold(lease: Lease, startedMs: number): void {
    clearTimeout(this.#givingUp);
    const leftMs = startedMs + this.#times.renewDeadlineMs - performance.now();
    this.#givingUp = setTimeout(() => this.#lose(), leftMs);
    const isNew = this.#held === undefined;
    this.#held = lease;
    if (isNew) this.#handler.onAcquired();
  }

  #lose(): void {
    clearTimeout(this.#givingUp);
    if (!this.#held) return;
    this.#held = undefined;
    this.#handler.onLost();
  }

  /** Read anew: a renewal that was cut off by stop() may have been written. */
  async #release(): Promise<void> {
    this.#lose();
    const signal = AbortSignal.timeout(this.#times.retryPeriodMs);
    try {
      const lease = await this.#record.read({ signal });
      if (lease?.spec?.holderIdentity !== this.#identity) return;
      const now = microTime();
      const free = { holderIdentity: '', leaseDurationSeconds: 1, acquireTime: now, renewTime: now };
      await this.#record.write(lease, { ...lease.spec, ...free }, { signal });
    } catch (error) {
      this.#onTrouble(error);
    }
  }
}
