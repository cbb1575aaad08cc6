import type { StreamMessage } from '@jspolicy/bus';
import { isPolicyName, type ViolationEvent } from '@jspolicy/contracts';
import type { Delivery } from '@jspolicy/policy';

/** The event of a message; a text that says why there is none. Such a message can never be handled. */
export function readEvent(message: StreamMessage): Delivery | string {
  let event: ViolationEvent;
  try {
    event = JSON.parse(new TextDecoder().decode(message.body)) as ViolationEvent;
  } catch {
    return 'not JSON';
  }
  if (typeof event !== 'object' || event === null) return 'no object';
  if (event.schema !== 1) return `schema ${String(event.schema)}, this version knows 1`;
  if (typeof event.policy !== 'string' || !isPolicyName(event.policy)) return 'no name of a policy';
  if (typeof event.time !== 'string' || typeof event.requestInfo !== 'object') return 'fields are missing';
  return { sequence: message.sequence, event };
}
