import type { Running } from './running.ts';

export interface StreamMessage {
  subject: string;
  body: Uint8Array;
  /** Position in the stream. */
  sequence: number;
  time: Date;
  redelivered: boolean;
  headers: Record<string, string>;
}

/** A message that the handler did not handle. */
export interface Unhandled {
  sequence: number;
  /** For the log, and for whoever looks at dead letters. */
  reason: string;
  /**
   * dead: it can never be handled. again: it failed by its own fault; it comes again, later each time, and is dead after
   * failing five times in one process. wait: it failed by another's fault; it comes again as often as need be.
   */
  fate: 'dead' | 'again' | 'wait';
}

export interface ConsumeOptions {
  stream: string;
  /** Name of the consumer; replicas that use the same name share its messages. */
  durable: string;
  /** At most so many messages in one call of the handler. */
  batch: number;
  /**
   * Messages are acknowledged when it resolves, but for those that it names. A rejection with an EngineError of the
   * platform's has all of them wait; after any other one the batch is handled in smaller parts, down to single messages:
   * what fails alone comes again.
   */
  handler: (messages: StreamMessage[]) => Promise<Unhandled[]> | Promise<void>;
  /** A dead letter is safe in JSPOLICY_DEAD; it was logged. */
  onDead?: (message: StreamMessage, reason: string) => void;
}

export interface ReplayOptions {
  stream: string;
  /** In the stream's order. After a stream was made anew, from its start. */
  handler: (message: StreamMessage) => void;
  /** Once: everything that the stream held at the beginning was told. */
  onCaughtUp: () => void;
}

/** stop() gives back what is not handled yet, so that another replica has it at once. */
export interface Consumer extends Running {
  /** Messages of the stream that are not acknowledged yet, by all replicas together. */
  pending(): Promise<number>;
  /** Position in the stream up to which every message is acknowledged: none of them is delivered again. */
  settledUpTo(): Promise<number>;
}

export interface ReadOptions {
  stream: string;
  /** Absent: all. */
  subject?: string;
  /** Absent: everything that the stream keeps; `now`: only what comes. */
  since?: Date | 'now';
  /** Goes on with what comes, also after the connection was lost. */
  follow: boolean;
  signal?: AbortSignal;
}

export interface Publication {
  sequence: number;
  /** The stream had this id already. */
  duplicate: boolean;
}

/** How long and how much the record of violations is kept, whichever ends first. */
export interface Retention {
  maxAgeMs: number;
  maxBytes: number;
}
