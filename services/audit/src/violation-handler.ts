import type { Bus, StreamMessage, Unhandled } from '@jspolicy/bus';
import { EngineError, type PolicyRecord, VIOLATIONS_STREAM } from '@jspolicy/contracts';
import { KubeError } from '@jspolicy/kube';
import type { Delivery, MergeOptions } from '@jspolicy/policy';
import type { Logger } from '@jspolicy/runtime';
import { readEvent } from './read-event.ts';
import type { ViolationsWriter } from './violations-writer.ts';

/** For a policy that left no record: jsPolicy's documented default. */
const DEFAULT_LOG_SIZE = 10;

/** Bad request, too large, invalid: the same write gets the same answer. */
const NEVER_TAKEN = [400, 413, 422];

export interface HandlerParts {
  bus: Pick<Bus, 'policies' | 'streamIdentity'>;
  writer: Pick<ViolationsWriter, 'write'>;
  log: Logger;
  onConsumed(count: number): void;
  onWritten(): void;
  /** Position up to which all replicas have handled everything. */
  settledUpTo(): Promise<number>;
}

type WriteOptions = MergeOptions & { atOnce?: boolean };

/** Takes a batch of violations to the status of their policies. */
export class ViolationHandler {
  readonly #parts: HandlerParts;

  constructor(parts: HandlerParts) {
    this.#parts = parts;
  }

  /** Resolves when every policy's status is written, with what could not be; throws EngineError when the bus is away. */
  async handle(messages: StreamMessage[]): Promise<Unhandled[]> {
    const { byPolicy, unreadable } = group(messages);
    const stream = await this.#parts.bus.streamIdentity(VIOLATIONS_STREAM).catch(busUnavailable);
    const settledUpTo = await this.#parts.settledUpTo().catch(busUnavailable);
    const place = { stream, settledUpTo };
    const written = await Promise.all([...byPolicy].map(([policy, events]) => this.#write(policy, events, place)));
    const unhandled = [...unreadable, ...written.flat()];
    this.#parts.onConsumed(messages.length - unhandled.length);
    return unhandled;
  }

  async #write(policy: string, deliveries: Delivery[], place: Omit<MergeOptions, 'size'>) {
    try {
      const size = (await this.#recordOf(policy))?.auditLogSize ?? DEFAULT_LOG_SIZE;
      return await this.#tryWrite(policy, deliveries, { size, ...place });
    } catch (error) {
      const fate = error instanceof KubeError || error instanceof EngineError ? 'wait' : 'again';
      return unhandled(deliveries, fate, error);
    }
  }

  #recordOf(policy: string): Promise<PolicyRecord | undefined> {
    return this.#parts.bus.policies.get(policy).catch(busUnavailable);
  }

  async #tryWrite(policy: string, deliveries: Delivery[], options: WriteOptions): Promise<Unhandled[]> {
    const { writer, log, onWritten } = this.#parts;
    try {
      const written = await writer.write(policy, deliveries, options);
      if (written === 'gone')
        log.info({ policy, violations: deliveries.length }, 'policy is gone, its violations have no status');
      if (written === 'written') onWritten();
      return [];
    } catch (error) {
      if (!(error instanceof KubeError && NEVER_TAKEN.includes(error.status))) throw error;
      return this.#writeApart(policy, deliveries, options, error);
    }
  }

  /** One entry that the API server never takes must not take the others with it. */
  async #writeApart(policy: string, deliveries: Delivery[], options: WriteOptions, error: KubeError) {
    if (deliveries.length === 1) return unhandled(deliveries, 'dead', error);
    const middle = Math.ceil(deliveries.length / 2);
    const apart = { ...options, atOnce: true };
    const first = await this.#tryWrite(policy, deliveries.slice(0, middle), apart);
    return [...first, ...(await this.#tryWrite(policy, deliveries.slice(middle), apart))];
  }
}

function group(messages: StreamMessage[]): { byPolicy: Map<string, Delivery[]>; unreadable: Unhandled[] } {
  const unreadable: Unhandled[] = [];
  const readable: Delivery[] = [];
  for (const message of messages) {
    const delivery = readEvent(message);
    if (typeof delivery !== 'string') readable.push(delivery);
    else unreadable.push({ sequence: message.sequence, fate: 'dead', reason: `violation cannot be read: ${delivery}` });
  }
  return { byPolicy: Map.groupBy(readable, ({ event }) => event.data.policy), unreadable };
}

function unhandled(deliveries: Delivery[], fate: Unhandled['fate'], error: unknown): Unhandled[] {
  const reason = error instanceof Error ? error.message : String(error);
  return deliveries.map(({ sequence }) => ({ sequence, fate, reason }));
}

function busUnavailable(cause: unknown): never {
  throw new EngineError('BUS_UNAVAILABLE', 'the bus does not answer', { cause });
}
