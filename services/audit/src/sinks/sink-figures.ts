import type { DeliveryState } from '@jspolicy/bus';
import type { SinkCondition, ViolationSinkStatus } from '@jspolicy/contracts';

export type Trouble = Pick<SinkCondition, 'reason' | 'message'>;

/** What is counted since this process has its turn, on top of what the status said then. */
export class SinkFigures {
  #base: ViolationSinkStatus = {};
  #delivered = 0;
  #failed = 0;
  #dead = 0;
  #dropped = 0;
  #undecided = 0;
  #notice = '';
  #lastDelivery: string | undefined;
  #lastError: { time: string; message: string } | undefined;
  #trouble: Trouble | undefined;
  #droppedUpTo: number | undefined;

  /** A turn begins: at once, before anything is delivered in it. */
  reset(): void {
    this.#base = {};
    this.#delivered = this.#failed = this.#dead = this.#dropped = this.#undecided = 0;
    this.#notice = '';
    this.#lastDelivery = undefined;
    this.#lastError = undefined;
    this.#trouble = undefined;
    this.#droppedUpTo = undefined;
  }

  /** What the status said when the turn began. What was counted since then stays. */
  startFrom(status: ViolationSinkStatus): void {
    this.#base = status;
    this.#lastDelivery ??= status.lastDelivery;
    this.#lastError ??= status.lastError;
  }

  taken(count: number): void {
    this.#delivered += count;
    this.#lastDelivery = new Date().toISOString();
    this.#trouble = undefined;
  }

  refused(reason: string): void {
    this.#dead++;
    this.#lastError = lastError(reason);
  }

  failed(trouble: Trouble): void {
    this.#failed++;
    this.unready(trouble);
  }

  /** It cannot be opened; nothing was to be written. */
  unready(trouble: Trouble): void {
    this.#lastError = lastError(trouble.message);
    this.#trouble = trouble;
  }

  ready(): void {
    this.#trouble = undefined;
  }

  /** A dead letter was taken after all. */
  revived(): void {
    this.#dead--;
    this.taken(1);
  }

  /** The filter could not tell whether they are wanted: they were sent. */
  undecided(count: number, why: string): void {
    this.#undecided += count;
    this.#notice = `spec.filter.expression cannot be told for some violations, which are sent: ${why}`;
  }

  /** Something that is not as it should be, while all is well. */
  get notice(): string {
    return this.#notice;
  }

  /** What age or size took from the stream before it was settled; how many of it are new. */
  lookForDropped({ settledUpTo, firstSequence }: DeliveryState): number {
    const known = Math.max(settledUpTo, this.#droppedUpTo ?? 0);
    const dropped = this.#droppedUpTo === undefined && settledUpTo === 0 ? 0 : Math.max(0, firstSequence - 1 - known);
    this.#droppedUpTo = Math.max(known, firstSequence - 1);
    this.#dropped += dropped;
    return dropped;
  }

  /** The trouble of now, undefined: all is well. */
  get trouble(): Trouble | undefined {
    return this.#trouble;
  }

  status(state: DeliveryState, now = Date.now()): ViolationSinkStatus {
    const base = this.#base;
    const lagMs = state.oldest ? Math.max(0, now - state.oldest.getTime()) : 0;
    return {
      delivered: (base.delivered ?? 0) + this.#delivered,
      failed: (base.failed ?? 0) + this.#failed,
      dead: Math.max(0, (base.dead ?? 0) + this.#dead),
      dropped: (base.dropped ?? 0) + this.#dropped,
      ...((base.undecided ?? 0) + this.#undecided > 0 && { undecided: (base.undecided ?? 0) + this.#undecided }),
      pending: state.pending,
      lagSeconds: Math.floor(lagMs / 1000),
      ...(this.#lastDelivery !== undefined && { lastDelivery: this.#lastDelivery }),
      ...(this.#lastError && { lastError: this.#lastError }),
    };
  }
}

const lastError = (message: string) => ({ time: new Date().toISOString(), message });
