import type { StreamMessage } from '@jspolicy/bus';
import { isPolicyName, VIOLATION_EVENT_TYPE, type ViolationEvent } from '@jspolicy/contracts';
import type { Delivery } from '@jspolicy/policy';
import { oneLine } from '@jspolicy/sinks';

const ACTIONS: unknown[] = ['Deny', 'Warn', 'Dry', 'Controller'];
const OBJECT_FIELDS = ['apiVersion', 'kind', 'namespace', 'name', 'uid'];
const NUMBERS = ['revision', 'occurrences'];
const REQUEST_FIELDS = ['apiVersion', 'kind', 'namespace', 'name', 'operation'];

type Fields = Record<string, unknown>;
/** Ids go into headers of HTTP, Kafka and NATS. */
const ID = /^[!-~]{1,400}$/;
/** Bytes: what is shorter cannot be nested so deeply that it could not be written as JSON again. */
const FLAT_BYTES = 8_192;
/** UTF-16 units. */
const MAX_SHOWN = 80;
/** The kind's schema has the code as an int32. */
const MAX_CODE = 2 ** 31 - 1;

/**
 * The event of a message; a text that says why there is none. Such a message can never be handled, and what is let
 * through here must be something that the API server takes: one bad entry would hold up the good ones beside it.
 */
export function readEvent(message: StreamMessage): Delivery | string {
  let event: unknown;
  try {
    event = JSON.parse(new TextDecoder().decode(message.body));
  } catch {
    return 'not JSON';
  }
  if (!isObject(event)) return 'no object';
  const problem = problemOf(event) ?? depthProblem(event, message.body.length);
  return problem ?? { sequence: message.sequence, event: event as unknown as ViolationEvent };
}

function problemOf(event: Fields): string | undefined {
  const { specversion, id, type, time, data } = event;
  if (specversion !== '1.0') return `specversion ${shown(specversion)}, this version knows 1.0`;
  if (type !== VIOLATION_EVENT_TYPE) return `type ${shown(type)}, this version knows ${VIOLATION_EVENT_TYPE}`;
  if (typeof id !== 'string' || !ID.test(id)) return 'id is not as it should be';
  if (!areTexts(event, ['source', 'subject'])) return 'source or subject is no text';
  if (typeof time !== 'string' || Number.isNaN(Date.parse(time))) return 'time is no time';
  return isObject(data) ? problemOfData(data) : 'data is no object';
}

/** Parsers go deeper than writers: a sink would try without end. */
function depthProblem(event: Fields, bytes: number): string | undefined {
  if (bytes <= FLAT_BYTES) return undefined;
  try {
    JSON.stringify(event);
    return undefined;
  } catch {
    return 'it is nested too deeply';
  }
}

/** Of a value that may be anything: a text of one short line, or what it is. An object may not even become a text. */
function shown(value: unknown): string {
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  return oneLine(String(value)).slice(0, MAX_SHOWN);
}

function problemOfData(data: Fields): string | undefined {
  const { policy, policyUid, action, code, dryRun, request, user, object } = data;
  if (typeof policy !== 'string' || !isPolicyName(policy)) return 'policy is no name of a policy';
  if (typeof policyUid !== 'string') return 'policyUid is no text';
  if (!ACTIONS.includes(action)) return 'action is none that is known';
  if (!Number.isInteger(code) || Math.abs(code as number) > MAX_CODE) return 'code is no number that fits';
  if (!NUMBERS.every((name) => data[name] === undefined || typeof data[name] === 'number'))
    return `${NUMBERS.join(', ')} are not all numbers`;
  if (dryRun !== undefined && typeof dryRun !== 'boolean') return 'dryRun is not true or false';
  if (!areTexts(data, ['reason', 'message'])) return 'reason or message is no text';
  if (!isObject(request) || !areTexts(request, REQUEST_FIELDS)) return 'request is not as it should be';
  if (!isObject(user) || !areTexts(user, ['username', 'uid'])) return 'user is not as it should be';
  if (!isObject(object) || !areTexts(object, OBJECT_FIELDS)) return 'object is not as it should be';
  return undefined;
}

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const areTexts = (fields: Fields, names: string[]): boolean =>
  names.every((name) => fields[name] === undefined || typeof fields[name] === 'string');
