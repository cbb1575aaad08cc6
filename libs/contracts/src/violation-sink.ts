import type { KubeObject } from './kinds.ts';

/** The kind ViolationSink: where violations go besides the policies' status. */

export const SINK_TYPES = [
  'webhook',
  'slack',
  'teams',
  'kafka',
  'nats',
  's3',
  'loki',
  'elasticsearch',
  'syslog',
  'otlp',
  'kubernetes-events',
  'stdout',
  'file',
] as const;
export type SinkTypeName = (typeof SINK_TYPES)[number];

/** The field of the spec that holds the settings of a type. */
export const sinkSettingsField = (type: SinkTypeName): string =>
  type === 'kubernetes-events' ? 'kubernetesEvents' : type;

/** A key of a Secret in the namespace that the engine reads sinks' secrets from. */
export interface SecretRef {
  name: string;
  key: string;
}

export interface SinkFilter {
  /** Names, `*` stands for any text. */
  policies?: string[];
  /** Of the object, `*` stands for any text; an object without a namespace has the empty one. */
  namespaces?: string[];
  actions?: string[];
  /** CEL, with the variable `event`. */
  expression?: string;
}

export interface SinkBatch {
  maxEvents?: number;
  maxBytes?: number;
  /** How long a batch waits to become larger, milliseconds. */
  maxWaitMs?: number;
}

export interface SinkRetry {
  /** Bounds of the back-off, which doubles and has full jitter. */
  baseMs?: number;
  maxMs?: number;
  /** Of one attempt. */
  timeoutMs?: number;
  /** So many attempts, then events are dead letters; absent: as long as the stream keeps them. */
  maxAttempts?: number;
}

export interface SinkOccurrences {
  /** How long after its first one an event of the same user, object and policy counts as a repetition. */
  windowSeconds: number;
}

export interface ViolationSinkSpec {
  type: SinkTypeName;
  filter?: SinkFilter;
  /** New, All, a duration such as 24h or 30m, or an RFC 3339 time: the first violation of a new sink. */
  from?: string;
  batch?: SinkBatch;
  retry?: SinkRetry;
  paused?: boolean;
  /** Events tell their number among repetitions, in `data.occurrences`. */
  occurrences?: SinkOccurrences;
  /** The settings of the type, in the field of its name. */
  [settings: string]: unknown;
}

export interface SinkCondition {
  type: 'Ready';
  status: 'True' | 'False';
  reason: 'Delivering' | 'Paused' | 'WrongSettings' | 'SecretMissing' | 'Failing';
  message: string;
  observedGeneration: number;
  lastTransitionTime: string;
}

export interface ViolationSinkStatus {
  observedGeneration?: number;
  conditions?: SinkCondition[];
  /** Events that the other side took. */
  delivered?: number;
  /** Attempts that failed. */
  failed?: number;
  /** Events in JSPOLICY_DEAD. */
  dead?: number;
  /** Events that age or size removed from the stream before they were read; with a filter also those it leaves out. */
  dropped?: number;
  /** Events that were sent because the filter's expression could not be told for them. */
  undecided?: number;
  /** `spec.from` when the sink was made. */
  from?: string;
  /** Events of the stream that are not settled; those that the filter leaves out count until they are looked at. */
  pending?: number;
  /** Age of the oldest of them. */
  lagSeconds?: number;
  lastDelivery?: string;
  lastError?: { time: string; message: string };
}

export interface ViolationSink extends KubeObject {
  kind: 'ViolationSink';
  spec: ViolationSinkSpec;
  status?: ViolationSinkStatus;
}

export const SINK_DEFAULTS = {
  from: 'New',
  batch: { maxEvents: 100, maxBytes: 1024 * 1024, maxWaitMs: 200 },
  retry: { baseMs: 500, maxMs: 30_000, timeoutMs: 10_000 },
} as const;

export const SINK_CONSUMER_PREFIX = 'sink-';

/** NATS takes names of 255 bytes; names of sinks are as long, and a part of this one tells people whose it is. */
const MAX_NAME_PART = 200;

/** The durable consumer of a sink: a sink that is made anew under its old name begins anew. */
export const sinkConsumer = (name: string, uid: string): string =>
  `${SINK_CONSUMER_PREFIX}${name.replaceAll('.', '_').slice(0, MAX_NAME_PART)}-${uid.replaceAll(/[^A-Za-z0-9]/g, '').slice(0, 12)}`;

/** On a Secret: sinks may read it. Without it whoever may make sinks could send any Secret to a server of their own. */
export const SINK_SECRET_LABEL = { name: 'policy.jspolicy.com/sink', value: 'true' } as const;

/** Asks an audit replica to deliver dead letters again. Status 421: another one has the sink's turn. */
export const SINK_RETRY_SUBJECT = 'jspolicy.v1.sinks.retry';
export const SINK_RETRY_QUEUE = 'audit';

export interface SinkRetryRequest {
  sink: string;
  /** Positions in JSPOLICY_DEAD. */
  sequences: number[];
}

export interface SinkRetryAnswer {
  delivered: number[];
  refused: { sequence: number; reason: string }[];
}

const DURATION = /^(\d{1,6})(s|m|h|d)$/;
const MS: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** A duration before now, or an RFC 3339 time; undefined for anything else. */
export function sinceOf(text: string, now = Date.now()): Date | undefined {
  const [, count, unit = ''] = DURATION.exec(text) ?? [];
  // No stream is older than the epoch, and dates do not go back without end.
  if (count !== undefined) return new Date(Math.max(0, now - Number(count) * (MS[unit] ?? 0)));
  const time = TIME.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) ? undefined : new Date(Math.max(0, time));
}
