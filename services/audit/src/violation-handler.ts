import type { Bus, StreamMessage } from '@jspolicy/bus';
import { VIOLATIONS_STREAM } from '@jspolicy/contracts';
import { KubeError } from '@jspolicy/kube';
import type { Delivery } from '@jspolicy/policy';
import { type Logger, pause } from '@jspolicy/runtime';
import { readEvent } from './read-event.ts';
import type { ViolationsWriter, WriteOptions, Written } from './violations-writer.ts';

/** The status of one policy is written at most so often. */
const MIN_GAP_MS = 1_000;
/** For a policy that left no record: jsPolicy's documented default. */
const DEFAULT_LOG_SIZE = 10;

/** Bad request, too large, invalid: the same write gets the same answer. */
const NEVER_TAKEN = [400, 413, 422];

export interface HandlerParts {
  bus: Bus;
  writer: ViolationsWriter;
  log: Logger;
  onConsumed(count: number): void;
  onWritten(): void;
  /** Aborts when the service stops: then nobody waits for the gap. */
  stopping: AbortSignal;
}

/** Takes a batch of violations to the status of their policies. */
export class ViolationHandler {
  readonly #parts: HandlerParts;
  readonly #lastWrite = new Map<string, number>();

  constructor(parts: HandlerParts) {
    this.#parts = parts;
  }

  /** Resolves when every policy's status is written; what cannot be understood is logged and left. */
  async handle(messages: StreamMessage[]): Promise<void> {
    const byPolicy = this.#group(messages);
    this.#parts.onConsumed(messages.length);
    const stream = await this.#parts.bus.streamIdentity(VIOLATIONS_STREAM);
    const written = await Promise.allSettled(
      [...byPolicy].map(([policy, events]) => this.#write(policy, events, stream)),
    );
    const failed = written.filter((result) => result.status === 'rejected').map(({ reason }) => reason as unknown);
    if (failed.length > 0)
      throw new AggregateError(failed, `${failed.length} of ${byPolicy.size} policies were not written`);
  }

  #group(messages: StreamMessage[]): Map<string, Delivery[]> {
    const byPolicy = new Map<string, Delivery[]>();
    for (const message of messages) {
      const delivery = readEvent(message);
      if (typeof delivery === 'string') {
        this.#parts.log.error(
          { sequence: message.sequence, subject: message.subject, why: delivery },
          'violation cannot be read',
        );
        continue;
      }
      const { policy } = delivery.event;
      byPolicy.set(policy, [...(byPolicy.get(policy) ?? []), delivery]);
    }
    return byPolicy;
  }

  async #write(policy: string, deliveries: Delivery[], stream: string): Promise<void> {
    const { bus, log, stopping, onWritten } = this.#parts;
    const last = this.#lastWrite.get(policy);
    const wait = last === undefined ? 0 : last + MIN_GAP_MS - performance.now();
    if (wait > 0) await pause(wait, stopping);
    const record = await bus.policies.get(policy);
    const size = record?.auditLogSize ?? DEFAULT_LOG_SIZE;
    const written = await this.#tryWrite(policy, deliveries, { size, stream });
    if (written === 'gone') {
      log.info({ policy, violations: deliveries.length }, 'policy is gone, its violations have no status');
      this.#lastWrite.delete(policy);
    }
    if (written !== 'written') return;
    this.#lastWrite.set(policy, performance.now());
    onWritten();
  }

  /** What the API server will never take is given up: it would hold up everything behind it. */
  async #tryWrite(policy: string, deliveries: Delivery[], options: WriteOptions): Promise<Written | undefined> {
    try {
      return await this.#parts.writer.write(policy, deliveries, options);
    } catch (err) {
      if (!(err instanceof KubeError && NEVER_TAKEN.includes(err.status))) throw err;
      const { log } = this.#parts;
      log.error({ policy, violations: deliveries.length, err }, 'violations were refused, they have no status');
      return undefined;
    }
  }
}
