import { anyText, type Field, integer, required } from './fields.ts';

/** What the sinks' queue in the stream may hold at once, and what one message to a server should be at most. */
const MAX_EVENTS = 5_000;
const MAX_BYTES = 8 * 1024 * 1024;
const HOUR_MS = 3_600_000;
const DAY_SECONDS = 86_400;
/** As the kind's schema has it: what of a list each violation is compared with. */
const MAX_WORDS = 1_000;
const MAX_WORD = 253;

const words = (wanted: RegExp, what: string): Field<string[] | undefined> => ({
  required: false,
  problemOf: (value) =>
    Array.isArray(value) && value.length > 0 && value.length <= MAX_WORDS && value.every((each) => isWord(each, wanted))
      ? undefined
      : `must be a list of ${what}`,
});

const isWord = (value: unknown, wanted: RegExp): boolean =>
  typeof value === 'string' && value.length <= MAX_WORD && wanted.test(value);

export const COMMON_FIELDS = {
  filter: {
    policies: words(/^[-a-z0-9.*]+$/, 'names of policies, * stands for any text'),
    namespaces: words(/^[-a-z0-9*]*$/, 'namespaces, * stands for any text'),
    actions: words(/^(Deny|Warn|Dry|Controller)$/, 'Deny, Warn, Dry, Controller'),
    expression: anyText(),
  },
  batch: {
    maxEvents: integer(1, MAX_EVENTS),
    maxBytes: integer(1024, MAX_BYTES),
    maxWaitMs: integer(0, HOUR_MS),
  },
  occurrences: { windowSeconds: required(integer(1, 30 * DAY_SECONDS)) },
  retry: {
    baseMs: integer(10, HOUR_MS),
    maxMs: integer(10, HOUR_MS),
    timeoutMs: integer(100, HOUR_MS),
    maxAttempts: integer(1, 1_000_000),
  },
};
