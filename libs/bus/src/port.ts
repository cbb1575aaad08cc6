import type { Bundle, PolicyRecord } from '@jspolicy/contracts';

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
}

export interface ConsumeOptions {
  stream: string;
  /** Name of the consumer; replicas that use the same name share its messages. */
  durable: string;
  /** At most so many messages in one call of the handler. */
  batch: number;
  /** Messages are acknowledged when it resolves, and come again, later each time, when it rejects. */
  handler: (messages: StreamMessage[]) => Promise<void>;
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

/** Bundles by digest. */
export interface BundleStore {
  /** Does nothing when the digest is there already with the same information. */
  put(bundle: Bundle): Promise<void>;
  /** undefined when there is none. Throws when the bytes do not match the digest. */
  get(digest: string): Promise<Bundle | undefined>;
  remove(digest: string): Promise<void>;
}

export interface Publication {
  sequence: number;
  /** The stream had this id already. */
  duplicate: boolean;
}

export interface Bus {
  /**
   * Asks one of those who serve the subject. When the one who was asked dies, another one is asked while time is left.
   * Throws EngineError: NO_EVALUATOR (nobody serves), NO_ANSWER (asked, silent), BUS_UNAVAILABLE (no connection).
   */
  request(subject: string, body: Uint8Array, options: RequestOptions): Promise<BusReply>;
  /** Answers requests; stop() unsubscribes, then waits for what is in flight. */
  serve(subject: string, queue: string, handler: RequestHandler): Running;
  /** Creates streams and buckets where they are missing. */
  ensureTopology(): Promise<void>;
  /** Publishes to JetStream. Resolves when the stream has it; rejects after timeoutMs. */
  publish(subject: string, body: Uint8Array, options: { id: string; timeoutMs: number }): Promise<Publication>;
  consume(options: ConsumeOptions): Promise<Running>;
  /** Names this life of a stream: positions start again in a stream that was made anew. */
  streamIdentity(stream: string): Promise<string>;
  readonly policies: PolicyStore;
  readonly bundles: BundleStore;
  readonly connected: boolean;
  /** Flushes what is written and closes. Idempotent. */
  close(): Promise<void>;
}
