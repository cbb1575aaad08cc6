import type { Bus } from '@jspolicy/bus';
import { type ViolationEvent, violationSubject } from '@jspolicy/contracts';
import { backoffMs, type Logger, pause } from '@jspolicy/runtime';
import type { EvaluatorMetrics } from './evaluator-metrics.ts';
import type { Spool, Spooled } from './spool.ts';

/** The longest that an answer waits for JetStream; then the disk has to do. */
const PUBLISH_MS = 500;
const DRAIN_PUBLISH_MS = 5_000;
const RETRY = { baseMs: 100, maxMs: 5_000 };
/** Between tries of a process that ends: it has not much time. */
const LAST_RETRY_MS = 200;

type KeptMessages = Pick<Spool, 'empty' | 'bytes' | 'append' | 'drain'>;

export interface RecorderParts {
  bus: Bus;
  spool: KeptMessages;
  log: Logger;
  metrics: EvaluatorMetrics;
  /** How long stop() goes on trying to send what waits. The disk may be gone with this process's Pod. */
  lastDrainMs?: number;
}

/** Sees that each violation is safe before its answer leaves: in the stream, or on the disk until the stream takes it. */
export class ViolationRecorder {
  readonly #bus: Bus;
  readonly #spool: KeptMessages;
  readonly #log: Logger;
  readonly #metrics: EvaluatorMetrics;
  readonly #lastDrainMs: number;
  #draining: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #attempts = 0;
  /** Why what is on the disk waits; told when it begins, changes and ends. */
  #trouble: string | undefined;
  /** Writes to the disk that no answer waits for any more, too. */
  readonly #keeping = new Set<Promise<void>>();
  #stopped = false;

  constructor(parts: RecorderParts) {
    this.#bus = parts.bus;
    this.#spool = parts.spool;
    this.#log = parts.log;
    this.#metrics = parts.metrics;
    this.#lastDrainMs = parts.lastDrainMs ?? 0;
  }

  /** Sends what earlier processes left behind. May be called again when there is more. */
  start(): void {
    this.#tellSpool();
    this.#drainSoon(0);
  }

  /**
   * Resolves when the violation is safe, and after leftMs in any case: the answer has to leave then. Never rejects: what
   * cannot be kept is counted and logged.
   */
  async record(event: ViolationEvent, leftMs: number): Promise<void> {
    const endMs = performance.now() + leftMs;
    this.#metrics.violationsEmitted.inc();
    const message = { subject: violationSubject(event.data.policy), id: event.id, body: JSON.stringify(event) };
    // While older ones wait on the disk a newer one must not overtake them.
    const direct = this.#bus.connected && this.#spool.empty && leftMs > 0;
    if (direct && (await this.#published(message, Math.min(PUBLISH_MS, leftMs)))) return;
    const kept = this.#keep(message, event.data.policy).finally(() => this.#keeping.delete(kept));
    this.#keeping.add(kept);
    await Promise.race([kept, untilMs(endMs)]);
    this.#drainSoon(RETRY.baseMs);
  }

  /** Tries to send what waits, for lastDrainMs or once; the rest stays on the disk. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#retry);
    await this.#draining;
    await Promise.all(this.#keeping);
    const untilMs = performance.now() + this.#lastDrainMs;
    if (this.#bus.connected) await this.#drain();
    while (!this.#spool.empty && performance.now() < untilMs) {
      await pause(LAST_RETRY_MS);
      if (this.#bus.connected) await this.#drain();
    }
    const { bytes } = this.#spool;
    if (bytes > 0) this.#log.error({ bytes }, 'violations stay on the disk: whoever begins with it sends them');
  }

  async #published(message: Spooled, timeoutMs: number): Promise<boolean> {
    try {
      await this.#send(message, timeoutMs);
      return true;
    } catch (error) {
      this.#log.warn({ err: error, id: message.id }, 'violation not taken by the stream, kept on the disk');
      return false;
    }
  }

  async #send({ subject, id, body }: Spooled, timeoutMs: number): Promise<void> {
    const { duplicate } = await this.#bus.publish(subject, new TextEncoder().encode(body), { id, timeoutMs });
    if (!duplicate) this.#metrics.violations.inc();
  }

  async #keep(message: Spooled, policy: string): Promise<void> {
    try {
      if (await this.#spool.append(message)) {
        this.#metrics.violationsSpooled.inc();
        return;
      }
      this.#log.error({ policy, id: message.id }, 'violation lost: the spool is full');
    } catch (error) {
      this.#log.error({ err: error, policy, id: message.id }, 'violation lost: the spool cannot be written');
    } finally {
      this.#tellSpool();
    }
    this.#metrics.violationsLost.inc();
  }

  #drainSoon(delayMs: number): void {
    if (this.#stopped || this.#retry || this.#spool.empty) return;
    this.#retry = setTimeout(() => {
      this.#draining = this.#drain().finally(() => {
        this.#retry = undefined;
        this.#drainSoon(backoffMs(this.#attempts, RETRY));
      });
    }, delayMs);
  }

  async #drain(): Promise<void> {
    try {
      if (!this.#bus.connected) throw new Error('not connected');
      await this.#spool.drain((message) => this.#send(message, DRAIN_PUBLISH_MS));
      this.#attempts = 0;
      if (this.#trouble) this.#log.info('violations that waited on the disk are sent');
      this.#trouble = undefined;
    } catch (error) {
      this.#attempts++;
      this.#tellTrouble(error);
    }
    this.#tellSpool();
  }

  #tellTrouble(err: unknown): void {
    const why = err instanceof Error ? err.message : String(err);
    if (why === this.#trouble) return;
    this.#trouble = why;
    this.#log.warn({ why, bytes: this.#spool.bytes }, 'violations wait on the disk');
  }

  #tellSpool(): void {
    this.#metrics.spoolBytes.set(this.#spool.bytes);
  }
}

const untilMs = (endMs: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, Math.max(0, endMs - performance.now())).unref());
