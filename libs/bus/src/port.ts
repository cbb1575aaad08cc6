import type { Calls } from './calls-port.ts';
import type { DeadLetters, Deliveries } from './delivery/port.ts';
import type { Running } from './running.ts';
import type { BundleStore, PolicyStore, QuarantineStore } from './store-port.ts';
import type {
  ConsumeOptions,
  Consumer,
  Publication,
  ReadOptions,
  ReplayOptions,
  Retention,
  StreamMessage,
} from './stream-port.ts';
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

export type RequestHandler = (request: BusRequest) => Promise<BusReply>;

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
   * Gives streams and buckets that have fewer copies than the cluster keeps the rest, and returns their names: the record of
   * violations, which audit keeps, or the others, which the controller keeps. Throws while a server is missing that could hold them.
   */
  ensureCopies(of: 'record' | 'others'): Promise<string[]>;
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
  readonly calls: Calls;
  readonly policies: PolicyStore;
  readonly bundles: BundleStore;
  readonly quarantines: QuarantineStore;
  readonly work: WorkQueues;
  readonly deliveries: Deliveries;
  readonly deadLetters: DeadLetters;
  readonly connected: boolean;
  /** How often the connection was lost and came back. */
  readonly timesBack: number;
  /** undefined while there is a connection. */
  readonly away: BusOutage | undefined;
  /** Flushes what is written and closes. Idempotent. */
  close(): Promise<void>;
}
