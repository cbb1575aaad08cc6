import { type Field, integer, text } from './fields.ts';

/** What the sinks' queue in the stream may hold at once, and what one message to a server should be at most. */
const MAX_EVENTS = 5_000;
const MAX_BYTES = 8 * 1024 * 1024;
const HOUR_MS = 3_600_000;

const words = (wanted: RegExp, what: string): Field<string[] | undefined> => ({
  required: false,
  problemOf: (value) =>
    Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === 'string' && wanted.test(each))
      ? undefined
      : `must be a list of ${what}`,
});

export const COMMON_FIELDS = {
  filter: {
    policies: words(/^[-a-z0-9.*]+$/, 'names of policies, * stands for any text'),
    namespaces: words(/^[-a-z0-9*]*$/, 'namespaces, * stands for any text'),
    actions: words(/^(Deny|Warn|Dry|Controller)$/, 'Deny, Warn, Dry, Controller'),
    expression: text(),
  },
  batch: {
    maxEvents: integer(1, MAX_EVENTS),
    maxBytes: integer(1024, MAX_BYTES),
    maxWaitMs: integer(0, HOUR_MS),
  },
  retry: {
    baseMs: integer(10, HOUR_MS),
    maxMs: integer(10, HOUR_MS),
    timeoutMs: integer(100, HOUR_MS),
    maxAttempts: integer(1, 1_000_000),
  },
};
