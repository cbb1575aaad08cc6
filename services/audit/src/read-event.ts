import type { StreamMessage } from '@jspolicy/bus';
import { isPolicyName, VIOLATION_EVENT_TYPE, type ViolationEvent } from '@jspolicy/contracts';
import type { Delivery } from '@jspolicy/policy';

const ACTIONS: unknown[] = ['Deny', 'Warn', 'Dry', 'Controller'];
const OBJECT_FIELDS = ['apiVersion', 'kind', 'namespace', 'name', 'uid'];
const REQUEST_FIELDS = ['apiVersion', 'kind', 'namespace', 'name', 'operation'];

type Fields = Record<string, unknown>;
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
  const problem = problemOf(event);
  return problem ?? { sequence: message.sequence, event: event as unknown as ViolationEvent };
}

function problemOf(event: Fields): string | undefined {
  const { specversion, type, time, data } = event;
  if (specversion !== '1.0') return `specversion ${String(specversion)}, this version knows 1.0`;
  if (type !== VIOLATION_EVENT_TYPE) return `type ${String(type)}, this version knows ${VIOLATION_EVENT_TYPE}`;
  if (typeof time !== 'string' || Number.isNaN(Date.parse(time))) return 'time is no time';
  return isObject(data) ? problemOfData(data) : 'data is no object';
}

function problemOfData(data: Fields): string | undefined {
  const { policy, policyUid, action, code, request, user, object } = data;
  if (typeof policy !== 'string' || !isPolicyName(policy)) return 'policy is no name of a policy';
  if (typeof policyUid !== 'string') return 'policyUid is no text';
  if (!ACTIONS.includes(action)) return 'action is none that is known';
  if (!Number.isInteger(code) || Math.abs(code as number) > MAX_CODE) return 'code is no number that fits';
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
