import type { Bus, Running } from '@jspolicy/bus';
import { EVALUATORS_SUBJECT, type EvaluatorSign, SIGN_INTERVAL_MS, SILENT_MS } from '@jspolicy/contracts';
import type { Logger } from '@jspolicy/runtime';

/** Until then each evaluator that serves was heard, although a sign of it may be lost or late. */
const FIRST_LISTEN_MS = SIGN_INTERVAL_MS * 2.5;
const LOOK_MS = 500;
/** A look that is later than this was no listening: this process stood still itself. */
const LATE_LOOK_MS = 2_000;

export interface Evaluator {
  /** One life of it. */
  instance: string;
  /** For people. */
  name: string;
}

interface Heard extends Evaluator {
  at: number;
}

/** The evaluators that serve, by what they tell each second. Every controller listens, so that one that begins to lead knows them. */
export class Evaluators implements Running {
  readonly #bus: Pick<Bus, 'calls' | 'connected' | 'timesBack'>;
  readonly #log: Logger;
  readonly #heard = new Map<string, Heard>();
  readonly #listeners = new Set<() => void>();
  readonly #listening: Running;
  readonly #timer: NodeJS.Timeout;
  /** Milliseconds that were listened: while nothing can be heard, nobody is silent. */
  #clock = 0;
  #lookedAt = performance.now();
  #sureAt = FIRST_LISTEN_MS;
  #timesBack: number;

  constructor(bus: Pick<Bus, 'calls' | 'connected' | 'timesBack'>, log: Logger) {
    this.#bus = bus;
    this.#log = log;
    this.#timesBack = bus.timesBack;
    this.#listening = bus.calls.listen(EVALUATORS_SUBJECT, ({ body }) => this.#hear(body));
    this.#timer = setInterval(() => this.#look(), LOOK_MS).unref();
  }

  /** undefined: it was not listened for long enough to know them all. */
  known(): Evaluator[] | undefined {
    if (this.#clock < this.#sureAt || !this.#bus.connected) return undefined;
    return [...this.#heard.values()].map(({ instance, name }) => ({ instance, name }));
  }

  /** Calls whenever known() may be another. Gives the function that ends it. */
  listen(onLook: () => void): () => void {
    this.#listeners.add(onLook);
    return () => this.#listeners.delete(onLook);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#listening.stop();
  }

  #hear(body: Uint8Array): void {
    const sign = this.#read(body);
    if (!sign) return;
    const { instance, evaluator: name, leaving } = sign;
    if (leaving) this.#heard.delete(instance);
    else this.#heard.set(instance, { instance, name, at: this.#clock });
    if (leaving) this.#tell();
  }

  #look(): void {
    const now = performance.now();
    const { connected, timesBack } = this.#bus;
    const sinceLookMs = now - this.#lookedAt;
    this.#lookedAt = now;
    if (connected) this.#clock += Math.min(sinceLookMs, LATE_LOOK_MS);
    // Who came or left meanwhile is not known.
    if (!connected || sinceLookMs > LATE_LOOK_MS || timesBack !== this.#timesBack)
      this.#sureAt = this.#clock + FIRST_LISTEN_MS;
    this.#timesBack = timesBack;
    for (const { instance, name, at } of this.#heard.values())
      if (this.#clock - at > SILENT_MS) this.#drop(instance, name);
    this.#tell();
  }

  #drop(instance: string, evaluator: string): void {
    this.#heard.delete(instance);
    this.#log.info({ evaluator }, 'evaluator is silent, policies do not wait for it');
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  #read(body: Uint8Array): EvaluatorSign | undefined {
    try {
      const sign = JSON.parse(new TextDecoder().decode(body)) as EvaluatorSign;
      if (sign.schema === 1 && typeof sign.instance === 'string' && typeof sign.evaluator === 'string') return sign;
    } catch (err) {
      this.#log.debug({ err }, 'sign of an evaluator cannot be read');
    }
    return undefined;
  }
}
