import type { Bus } from '@jspolicy/bus';
import { backoffMs, type Logger, pause } from '@jspolicy/runtime';
import type { EvaluatorMetrics } from './evaluator-metrics.ts';

/** Longer than the time from one report to the next, while it lasts. */
const CREATES_MS = 30_000;
const RETRY = { baseMs: 100, maxMs: 5_000 };

interface ReporterParts {
  evaluatorId: string;
  bus: Pick<Bus, 'quarantines'>;
  metrics: Pick<EvaluatorMetrics, 'quarantines'>;
  log: Logger;
}

/** Tells on the bus which policies this evaluator does not evaluate now. Nobody waits for it. */
export class QuarantineReporter {
  readonly #parts: ReporterParts;
  readonly #stopping = new AbortController();
  /** The newest of each policy: what is older need not be told any more. */
  readonly #newest = new Map<string, number>();

  constructor(parts: ReporterParts) {
    this.#parts = parts;
  }

  /** `untilMs`: milliseconds since the epoch. It is tried to be told until then. */
  report(policy: string, untilMs: number, reason: string): void {
    const { metrics, log } = this.#parts;
    metrics.quarantines.inc();
    log.warn({ policy, until: new Date(untilMs).toISOString(), reason }, 'policy quarantined');
    this.#newest.set(policy, untilMs);
    void this.#tell(policy, untilMs, reason);
  }

  /** It goes on, but may not create what it follows for a while. */
  reportCreates(policy: string): void {
    this.#parts.log.warn({ policy }, 'policy creates too many objects of kinds that it follows');
    const untilMs = Date.now() + CREATES_MS;
    this.#newest.set(policy, untilMs);
    void this.#tell(policy, untilMs, 'create() was refused', 'creates');
  }

  stop(): void {
    this.#stopping.abort();
  }

  async #tell(policy: string, untilMs: number, reason: string, kind?: 'creates'): Promise<void> {
    const { bus, evaluatorId: evaluator, log } = this.#parts;
    const until = new Date(untilMs).toISOString();
    const isNews = () => !this.#stopping.signal.aborted && this.#newest.get(policy) === untilMs;
    for (let attempt = 0; isNews(); attempt++) {
      try {
        await bus.quarantines.put({ schema: 1, policy, evaluator, until, reason, ...(kind && { kind }) });
        break;
      } catch (err) {
        log.debug({ err, policy }, 'quarantine could not be told yet');
        if (Date.now() > untilMs) break;
        await pause(backoffMs(attempt, RETRY), this.#stopping.signal);
      }
    }
    if (this.#newest.get(policy) === untilMs) this.#newest.delete(policy);
  }
}
