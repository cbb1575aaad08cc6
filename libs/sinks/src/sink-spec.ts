import {
  type SecretRef,
  SINK_DEFAULTS,
  SINK_TYPES,
  type SinkBatch,
  type SinkRetry,
  type SinkTypeName,
  sinkSettingsField,
  type ViolationSinkSpec,
} from '@jspolicy/contracts';
import { expressionProblem } from './expression.ts';
import { fieldProblems } from './fields.ts';
import { type Filter, filterBy } from './filter.ts';
import type { Sink, SinkContext } from './port.ts';
import { filledSettings, type ReadSecret } from './sink-settings.ts';
import { SINKS } from './sink-types.ts';
import { COMMON_FIELDS } from './spec-fields.ts';
import { startOf } from './start.ts';

/** Everything that is wrong with a sink's spec, each with its path. Empty: it can be used. */
export function sinkProblems(spec: unknown): string[] {
  if (typeof spec !== 'object' || spec === null) return ['spec: is required'];
  const known = spec as Partial<ViolationSinkSpec>;
  const { type, filter, batch, retry, from, paused, occurrences, ...settings } = known;
  if (!isSinkType(type)) return [`spec.type: must be one of ${SINK_TYPES.join(', ')}`];
  const field = sinkSettingsField(type);
  const others = Object.keys(settings).filter((key) => key !== field);
  const own = settings[field] ?? {};
  return [
    ...others.map((key) => `spec.${key}: is not for a sink of the type ${type}`),
    ...fieldProblems(COMMON_FIELDS.filter, filter ?? {}, 'spec.filter'),
    ...fieldProblems(COMMON_FIELDS.batch, batch ?? {}, 'spec.batch'),
    ...(occurrences === undefined ? [] : fieldProblems(COMMON_FIELDS.occurrences, occurrences, 'spec.occurrences')),
    ...fieldProblems(COMMON_FIELDS.retry, retry ?? {}, 'spec.retry'),
    ...filterProblems(known),
    ...(paused === undefined || typeof paused === 'boolean' ? [] : ['spec.paused: must be true or false']),
    ...(startOf(from) ? [] : ['spec.from: must be New, All, a duration such as 24h, or an RFC 3339 time']),
    ...settingsProblems(type, own, `spec.${field}`),
  ];
}

function filterProblems({ filter }: Partial<ViolationSinkSpec>): string[] {
  if (typeof filter?.expression !== 'string') return [];
  const problem = expressionProblem(filter.expression);
  return problem ? [`spec.filter.expression: ${problem}`] : [];
}

function settingsProblems(type: SinkTypeName, settings: unknown, path: string): string[] {
  const { fields, problems } = SINKS[type];
  const found = fieldProblems(fields, settings, path);
  if (found.length > 0) return found;
  return problems(settings as Record<string, unknown>).map((problem) => `${path}: ${problem}`);
}

const isSinkType = (type: unknown): type is SinkTypeName => SINK_TYPES.some((known) => known === type);

/** In a file a field may be there without a value, which counts as left out. */
const given = <T extends object>(fields: T | null | undefined): Partial<T> =>
  Object.fromEntries(Object.entries(fields ?? {}).filter(([, value]) => value !== null)) as Partial<T>;

export const filterOf = ({ filter }: ViolationSinkSpec): Filter => filterBy(given(filter));

export const batchOf = ({ batch }: ViolationSinkSpec): Required<SinkBatch> => ({
  ...SINK_DEFAULTS.batch,
  ...given(batch),
});

export const retryOf = ({ retry }: ViolationSinkSpec) =>
  ({
    ...SINK_DEFAULTS.retry,
    maxAttempts: Number.POSITIVE_INFINITY,
    ...given(retry),
  }) satisfies Required<SinkRetry>;

/** A Secret that a sink needs is not there, or not for sinks. */
export class SecretMissingError extends Error {
  constructor({ name, key }: SecretRef, why: string) {
    super(`Secret ${name}, key ${key}: ${why}`);
    this.name = 'SecretMissingError';
  }
}

/** Settings of a checked spec with their secrets in plain: two that are equal open the same sink. */
export function plainSettings(spec: ViolationSinkSpec, readSecret: ReadSecret): Promise<Record<string, unknown>> {
  const settings = (spec[sinkSettingsField(spec.type)] ?? {}) as Record<string, unknown>;
  return filledSettings(SINKS[spec.type].fields, settings, readSecret);
}

/** Opens a sink. Rejects when the other side cannot be reached. */
export const openSink = (type: SinkTypeName, settings: Record<string, unknown>, context: SinkContext): Promise<Sink> =>
  SINKS[type].open(settings, context);
