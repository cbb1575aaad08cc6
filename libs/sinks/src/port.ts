import type { KubeObject, ViolationEvent } from '@jspolicy/contracts';
import type { AddressSet } from '@jspolicy/runtime';
import type { Fields, SettingsOf } from './fields.ts';

/** One violation on its way. */
export interface SinkEvent {
  event: ViolationEvent;
  /** The event as one line of JSON. */
  json: string;
  /** Position in the stream: the same in every delivery. */
  sequence: number;
}

/** An event that the other side will never take. */
export interface Refused {
  sequence: number;
  reason: string;
}

/** The other side will never take these events as they are. Of several events not all need be to blame. */
export class RefusedError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'RefusedError';
  }
}

/** The other side answered, and does not take these events now. Of several one may be to blame. */
export class AnsweredError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'AnsweredError';
  }
}

/** The other side asks for time. */
export class BusyError extends AnsweredError {
  readonly retryAfterMs: number;
  constructor(message: string, retryAfterMs: number) {
    super(message);
    this.name = 'BusyError';
    this.retryAfterMs = retryAfterMs;
  }
}

/** The other side, connected. Its owner closes it, also after an error, and opens another one then. */
export interface Sink {
  /** At most so many events in one write; absent: a whole batch. */
  readonly maxEvents?: number;
  /**
   * Resolves when the other side has the events, with those that it refused for good. Throws RefusedError when all were
   * refused together, anything else when they are to be written again. The same events may be written again: what
   * can tell them apart by their ids does.
   */
  write(events: readonly SinkEvent[], signal: AbortSignal): Promise<readonly Refused[]>;
  close(): Promise<void>;
}

/** A connection to another NATS. */
export interface NatsPublisher {
  /** Resolves when the server has it: with JetStream when the stream has it. */
  publish(subject: string, body: string, options: NatsPublication): Promise<void>;
  close(): Promise<void>;
}

export interface NatsPublication {
  id: string;
  jetStream: boolean;
  timeoutMs: number;
}

export interface NatsTarget {
  servers: string;
  user?: string | undefined;
  password?: string | undefined;
  token?: string | undefined;
  /** The text of a credentials file. */
  credentials?: string | undefined;
  ca?: string | undefined;
  signal: AbortSignal;
}

/** What sinks need of the process that they run in. */
export interface SinkContext {
  /** The sink's name. */
  name: string;
  stdout: NodeJS.WritableStream;
  connectNats(target: NatsTarget): Promise<NatsPublisher>;
  /** Addresses that sinks may not connect to. */
  refused: AddressSet;
  /** Sinks write files below this directory only. */
  fileDirectory: string;
  /** Creates an object of events.k8s.io/v1; one that is there already is no error. Rejects with the API's answer. */
  createKubeEvent(event: KubeObject, signal: AbortSignal): Promise<void>;
  /** Ends the attempt to open. */
  signal: AbortSignal;
}

/** A type of sink, without its settings' types. */
export interface SinkType {
  readonly fields: Fields;
  /** What is wrong between the settings, in whole sentences. */
  problems(settings: Record<string, unknown>): string[];
  /** Settings are checked, and their secrets are there in plain. */
  open(settings: Record<string, unknown>, context: SinkContext): Promise<Sink>;
}

export interface SinkTypeParts<F extends Fields> {
  fields: F;
  problems?(settings: Partial<SettingsOf<F>>): string[];
  open(settings: SettingsOf<F>, context: SinkContext): Sink | Promise<Sink>;
}

export function sinkType<F extends Fields>({ fields, problems, open }: SinkTypeParts<F>): SinkType {
  return {
    fields,
    problems: (settings) => problems?.(settings as Partial<SettingsOf<F>>) ?? [],
    open: async (settings, context) => open(settings as SettingsOf<F>, context),
  };
}
