import type { Bus, Running } from '@jspolicy/bus';
import { EVALUATORS_SUBJECT, type EvaluatorSign, SIGN_INTERVAL_MS, STANDSTILL_MS } from '@jspolicy/contracts';

interface PresenceParts {
  bus: Pick<Bus, 'calls' | 'timesBack'>;
  evaluator: string;
  instance: string;
  /** Nobody may have waited for this evaluator for a while: what changed meanwhile may be unknown here. */
  onMissed(): void;
}

/** Tells each second that this evaluator serves, and notices when it could not. */
export class Presence implements Running {
  readonly #parts: PresenceParts;
  readonly #timer: NodeJS.Timeout;
  #toldAt = performance.now();
  #timesBack: number;
  #stopped = false;

  /** It is told before anything else, so that whoever changes a policy from now on waits for this evaluator. */
  constructor(parts: PresenceParts) {
    this.#parts = parts;
    this.#timesBack = parts.bus.timesBack;
    this.#tell();
    this.#timer = setInterval(() => this.look(true), SIGN_INTERVAL_MS).unref();
  }

  /** Whether this process stood still or was cut off is looked at with each request: a comparison, hardly ever more. */
  look(tell = false): void {
    const { bus, onMissed } = this.#parts;
    const missed = performance.now() - this.#toldAt > STANDSTILL_MS || bus.timesBack !== this.#timesBack;
    if (missed || tell) this.#tell();
    if (!missed) return;
    this.#timesBack = bus.timesBack;
    onMissed();
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    clearInterval(this.#timer);
    this.#tell();
  }

  #tell(): void {
    this.#toldAt = performance.now();
    const { bus, evaluator, instance } = this.#parts;
    const sign: EvaluatorSign = { schema: 1, evaluator, instance, ...(this.#stopped && { leaving: true }) };
    bus.calls.tell(EVALUATORS_SUBJECT, new TextEncoder().encode(JSON.stringify(sign)));
  }
}
