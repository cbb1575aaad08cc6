import type { ChildAnswer, ChildResult, FromChild } from '../messages.ts';

type Fields = Record<string, unknown>;
type Check = (value: unknown) => boolean;

/**
 * Larger frames than any answer, call or list of lines that an honest process sends: its review's information has 8 MiB at
 * most, its patch 4 MiB.
 */
export const MAX_CHILD_FRAME_BYTES = 16 * 1024 * 1024;

/** What a sandbox process says is not trusted: undefined for what has not the form of a message. */
export function childMessage(header: unknown): FromChild | undefined {
  if (!isFields(header)) return undefined;
  const { type } = header;
  const isOne =
    type === 'ready' ||
    (type === 'again' && isAgain(header)) ||
    (type === 'call' && isCall(header)) ||
    (type === 'ended' && isEnded(header)) ||
    (type === 'result' && isResult(header));
  return isOne ? (header as unknown as FromChild) : undefined;
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText: Check = (value) => typeof value === 'string';
const isNumber: Check = (value) => typeof value === 'number';
const isFlag: Check = (value) => typeof value === 'boolean';
const isListOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
const isOptional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const isOneOf =
  (...texts: unknown[]): Check =>
  (value) =>
    texts.includes(value);
const isTexts: Check = (value) => isFields(value) && Object.values(value).every(isText);
const has =
  (checks: Record<string, Check>): Check =>
  (value) =>
    isFields(value) && Object.entries(checks).every(([key, check]) => check(value[key]));

const isAgain = has({ id: isNumber });
const isCall = has({ id: isNumber, call: isNumber, name: isText, args: Array.isArray });

const isReviewInfo = has({
  apiVersion: isText,
  uid: isText,
  kind: has({ group: isText, version: isText, kind: isText }),
  name: isOptional(isText),
  namespace: isOptional(isText),
  operation: isText,
  subResource: isOptional(isText),
  userInfo: has({ username: isOptional(isText), uid: isOptional(isText), groups: isOptional(Array.isArray) }),
  dryRun: isFlag,
  object: isOptional(has({ uid: isOptional(isText), labels: isOptional(isTexts) })),
});

const isVerdict = has({
  deny: isFlag,
  message: isOptional(isText),
  reason: isOptional(isText),
  code: isOptional(isNumber),
  warnings: isListOf(isText),
  patch: isOptional(isListOf(has({ op: isOneOf('add', 'remove', 'replace'), path: isText }))),
  requeue: isOptional(has({ message: isOptional(isText) })),
});

const isFailure = has({ cause: isOneOf('exception', 'timeout', 'memory', 'crash'), message: isText });

/** By kind. */
const ANSWERS: Record<ChildAnswer['kind'], Check> = {
  verdict: has({ verdict: isVerdict, review: isReviewInfo }),
  malformed: has({ message: isText }),
  failed: has({ failure: isFailure, review: isOptional(isReviewInfo) }),
};

const isAnswer: Check = (value) =>
  isFields(value) && Object.entries(ANSWERS).some(([kind, check]) => value['kind'] === kind && check(value));

const isEnded = has({ id: isNumber, answer: isAnswer });

const isResult = has({
  id: isNumber,
  answer: isAnswer,
  prints: isListOf(isText),
  retire: isFlag,
  demoted: isOptional(isText),
  waits: isOptional(isFlag),
  crowded: isOptional(isFlag),
} satisfies Record<Exclude<keyof ChildResult, 'type'>, Check>);
