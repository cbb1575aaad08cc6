import { isPolicyName, violationSubject } from '@jspolicy/contracts';

/** A message for JetStream that waits on the disk. */
export interface Spooled {
  subject: string;
  id: string;
  /** JSON text of a ViolationEvent. */
  body: string;
}

/**
 * Reads a line of a spool as an evaluator writes it: the event of a violation, with its own id, for the subject of its own
 * policy. The stream takes every subject of that form, so that what passes can be sent.
 */
export function readSpooled(line: string): { message: Spooled } | { problem: string } {
  const { subject, id, body } = fieldsOf(line);
  if (typeof subject !== 'string' || typeof id !== 'string' || typeof body !== 'string' || id === '')
    return { problem: 'the line is not a message: JSON with subject, id and body' };
  const event = fieldsOf(body);
  const { policy } = fieldsOf(event['data']);
  if (event['specversion'] !== '1.0' || event['id'] !== id || typeof policy !== 'string')
    return { problem: 'the body is not the violation of this id' };
  if (!isPolicyName(policy) || violationSubject(policy) !== subject)
    return { problem: 'the subject is not that of its policy’s violations' };
  return { message: { subject, id, body } };
}

/** Of an object, or of its JSON text; none for everything else. */
function fieldsOf(value: unknown): Record<string, unknown> {
  if (typeof value === 'string') return fieldsOf(parsed(value));
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

/** undefined for what is no JSON: a crash cut it off. */
function parsed(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    // A text in a text is nothing that an evaluator writes.
    return typeof value === 'string' ? undefined : value;
  } catch {
    return undefined;
  }
}
