import type { Bundle, PolicyRecord, QuarantineRecord } from '@jspolicy/contracts';
import type { DeadLetters, Deliveries } from './delivery/port.ts';
import type { WorkQueues } from './work/port.ts';

export interface BusRequest {
  subject: string;
  body: Uint8Array;
  /** Milliseconds that were left for the answer when the request arrived. */
  deadlineMs: number;
  headers: Record<string, string>;
}

export interface BusReply {
  /** HTTP status; 200 unless the answerer says otherwise. */
  status: number;
  body: Uint8Array;
  headers: Record<string, string>;
}

export interface RequestOptions {
  /** Milliseconds until the request must be settled. */
  deadlineMs: number;
  headers?: Record<string, string>;
}

/** Something that runs until it is stopped. stop() may be called twice. */
export interface Running {
  stop(): Promise<void>;
}

export type RequestHandler = (request: BusRequest) => Promise<BusReply>;

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
  subjects?: string[];
  /** Absent: everything that the stream keeps; `now`: only what comes. */
  since?: Date | 'now';
  /** Goes on with what comes, also after the connection was lost. */
  follow: boolean;
  signal?: AbortSignal;
}

export interface PolicyHandler {
  onPut(record: PolicyRecord): void;
  onRemove(name: string): void;
  /** Everything that existed at the start was told. */
  onSynced(): void;
}

/** The policies as the data plane needs them. */
export interface PolicyStore {
  put(record: PolicyRecord): Promise<void>;
  get(name: string): Promise<PolicyRecord | undefined>;
  remove(name: string): Promise<void>;
  names(): Promise<string[]>;
  watch(handler: PolicyHandler): Promise<Running>;
}

export interface QuarantineHandler {
  /** Also those that are over by now. */
  onPut(record: QuarantineRecord): void;
  /** Everything that existed at the start was told. */
  onSynced(): void;
}

/** Which evaluators do not evaluate which policies for a while. An entry is over when its time is, and forgotten later. */
export interface QuarantineStore {
  put(record: QuarantineRecord): Promise<void>;
  watch(handler: QuarantineHandler): Promise<Running>;
}

/** Bundles by digest. */
export interface BundleStore {
  /** Does nothing when the digest is there already with the same information. */
  put(bundle: Bundle): Promise<void>;
  /** undefined when there is none. Throws when the bytes do not match the digest. */
  get(digest: string): Promise<Bundle | undefined>;
  remove(digest: string): Promise<void>;
  /** Of all that are stored. */
  digests(): Promise<string[]>;
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

/** The connection is lost; the client tries to get it back. */
export interface BusOutage {
  since: Date;
  /** What the server said last, where it said something. */
  why?: string;
}

export interface Bus {
  /**
   * Asks one of those who serve the subject. When the one who was asked dies, another one is asked while time is left.
   * Throws EngineError: NO_EVALUATOR (nobody serves), NO_ANSWER (asked, silent), BUS_UNAVAILABLE (no connection).
   */
  request(subject: string, body: Uint8Array, options: RequestOptions): Promise<BusReply>;
  /** Answers requests; stop() unsubscribes, then waits for what is in flight. */
  serve(subject: string, queue: string, handler: RequestHandler): Running;
  /** Creates streams and buckets where they are missing. With a retention the record of violations is kept so, from now on. */
  ensureTopology(retention?: Retention): Promise<void>;
  /**
   * Publishes to JetStream. Resolves when the stream has it; rejects after timeoutMs, with PublicationRefused when trying
   * again cannot help.
   */
  publish(subject: string, body: Uint8Array, options: { id: string; timeoutMs: number }): Promise<Publication>;
  consume(options: ConsumeOptions): Promise<Consumer>;
  /** Reads a stream from the oldest message that it keeps, and goes on with what comes; nothing is acknowledged. */
  replay(options: ReplayOptions): Running;
  /** Reads a stream in its order; nothing is acknowledged. Rejects when the server fails, unless it follows. */
  read(options: ReadOptions): AsyncIterable<StreamMessage>;
  /** Names this life of a stream: positions start again in a stream that was made anew. */
  streamIdentity(stream: string): Promise<string>;
  readonly policies: PolicyStore;
  readonly bundles: BundleStore;
  readonly quarantines: QuarantineStore;
  readonly work: WorkQueues;
  readonly deliveries: Deliveries;
  readonly deadLetters: DeadLetters;
  readonly connected: boolean;
  /** undefined while there is a connection. */
  readonly away: BusOutage | undefined;
  /** Flushes what is written and closes. Idempotent. */
  close(): Promise<void>;
}
