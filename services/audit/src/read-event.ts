import type { StreamMessage } from '@jspolicy/bus';
import { isPolicyName, type ViolationEvent } from '@jspolicy/contracts';
import type { Delivery } from '@jspolicy/policy';

const ACTIONS: unknown[] = ['Deny', 'Warn', 'Dry', 'Controller'];
const REQUEST_FIELDS = ['name', 'namespace', 'kind', 'apiVersion', 'operation'];
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

function problemOf(event: Record<string, unknown>): string | undefined {
  const { schema, policy, policyUid, action, code, time, reason, message, requestInfo, user } = event;
  if (schema !== 1) return `schema ${String(schema)}, this version knows 1`;
  if (typeof policy !== 'string' || !isPolicyName(policy)) return 'policy is no name of a policy';
  if (typeof policyUid !== 'string') return 'policyUid is no text';
  if (!ACTIONS.includes(action)) return 'action is none that is known';
  if (!Number.isInteger(code) || Math.abs(code as number) > MAX_CODE) return 'code is no number that fits';
  if (typeof time !== 'string' || Number.isNaN(Date.parse(time))) return 'time is no time';
  if (!areTexts({ reason, message }, ['reason', 'message'])) return 'reason or message is no text';
  if (!isObject(requestInfo) || !areTexts(requestInfo, REQUEST_FIELDS)) return 'requestInfo is not as it should be';
  if (!isObject(user) || !areTexts(user, ['username', 'uid'])) return 'user is not as it should be';
  return undefined;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const areTexts = (fields: Record<string, unknown>, names: string[]): boolean =>
  names.every((name) => fields[name] === undefined || typeof fields[name] === 'string');
