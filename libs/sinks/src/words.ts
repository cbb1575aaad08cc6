import type { ViolationEvent } from '@jspolicy/contracts';

const DONE: Record<string, string> = { Deny: 'denied', Warn: 'warned', Dry: 'would deny', Controller: 'objected' };

/** What happened in one line for people. */
export function headline({ data }: ViolationEvent): string {
  const { policy, action, request, object, user, occurrences = 1 } = data;
  const name = [object.namespace, object.name].filter(Boolean).join('/');
  const what = [request.operation, object.kind, name].filter(Boolean).join(' ');
  return `${policy} ${DONE[action] ?? action}: ${what}${user.username ? ` by ${user.username}` : ''}${occurrences > 1 ? `, ${occurrences} times` : ''}`;
}
