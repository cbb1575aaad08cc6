import type { Running } from '../running.ts';
import type { StreamMessage } from '../stream-port.ts';

/** Where a new consumer begins. */
export type DeliveryStart = 'New' | 'All' | { since: Date };

export interface DeliveryOptions {
  stream: string;
  /** Name of the consumer; of those who use the same name one at a time delivers. */
  durable: string;
  /** Only these subjects; absent: all. */
  subjects?: string[];
  /** For a consumer that is not there yet. */
  start: DeliveryStart;
  batch: { maxEvents: number; maxBytes: number; maxWaitMs: number };
  /** Nothing is delivered; the consumer keeps its place. */
  paused: boolean;
  /** This process delivers from now on, until the signal aborts. */
  onTurn(signal: AbortSignal): void;
  /** It does not any more. Nobody else does until this is resolved, or a few seconds have passed. */
  onTurnEnd?(): Promise<void>;
  /**
   * Gets messages in the stream's order, never a next batch before it resolved. It settles each message. What it did not
   * settle when it resolves, rejects or the signal aborts is delivered again, from the first of them on.
   */
  handler(batch: DeliveryBatch): Promise<void>;
}

export interface DeliveryBatch {
  messages: StreamMessage[];
  /** Aborts when somebody else may deliver, or this is stopped. */
  signal: AbortSignal;
  /** It is delivered, or not wanted. */
  settle(message: StreamMessage): void;
  /** It is kept in JSPOLICY_DEAD and settled. Rejects when the dead letter was not taken: it is not settled then. */
  bury(message: StreamMessage, letter: { reason: string; sink: string }): Promise<void>;
}

export interface DeliveryState {
  /** Messages that nobody settled yet. */
  pending: number;
  /** When the oldest of these came. */
  oldest?: Date;
  /** Everything up to here is settled. */
  settledUpTo: number;
  /** The stream's oldest message. */
  firstSequence: number;
}

/** stop() gives back what is not settled; the consumer stays. */
export interface Delivery extends Running {
  state(): Promise<DeliveryState>;
}

export interface DeadLetterEntry {
  /** Position in JSPOLICY_DEAD. */
  sequence: number;
  time: Date;
  reason: string;
  /** Empty for one that is no sink's. */
  sink: string;
  /** Where the message was. */
  subject: string;
  originalSequence: number;
  body: Uint8Array;
}

export interface DeadLetters {
  /** Those of one sink, or of all, the oldest first. */
  list(sink?: string): AsyncIterable<DeadLetterEntry>;
  get(sequence: number): Promise<DeadLetterEntry | undefined>;
  /** No error when it is gone. */
  remove(sequence: number): Promise<void>;
}

/** Ordered delivery of a stream to somebody outside, one process at a time for each consumer. */
export interface Deliveries {
  begin(options: DeliveryOptions): Promise<Delivery>;
  /** Names of the stream's durable consumers. */
  names(stream: string): Promise<string[]>;
  /** No error when there is none. */
  remove(stream: string, durable: string): Promise<void>;
}
