import type { ViolationEvent } from '@jspolicy/contracts';
import { stringify } from 'yaml';

export type ViolationFormat = 'text' | 'wide' | 'json' | 'yaml' | 'cloudevents';

/** One violation as text, without a line break at its end. */
export function renderViolation(event: ViolationEvent, format: ViolationFormat): string {
  if (format === 'cloudevents') return JSON.stringify(event);
  const { id, time, data } = event;
  if (format === 'json') return JSON.stringify({ time, id, ...data });
  if (format === 'yaml') return `---\n${stringify({ time, id, ...data }).trimEnd()}`;
  return format === 'wide' ? wideLine(event) : line(event);
}

function line({ time, data }: ViolationEvent): string {
  const { action, policy, object, user, message = data.reason ?? '' } = data;
  const name = [object.namespace, object.name ?? '-'].filter(Boolean).join('/');
  return visible(
    `${time}  ${action.padEnd(10)}  ${policy}  ${object.kind ?? '-'} ${name}  ${user.username ?? '-'}  ${message}`,
  );
}

function wideLine(event: ViolationEvent): string {
  const { data, id } = event;
  const facts = [
    `operation=${data.request.operation ?? ''}`,
    `code=${data.code}`,
    `revision=${data.revision}`,
    `dryRun=${data.dryRun}`,
    `evaluator=${data.evaluator}`,
    ...(data.evaluationMs === undefined ? [] : [`ms=${data.evaluationMs}`]),
    `id=${id}`,
  ];
  return `${line(event)}  (${visible(facts.join(' '))})`;
}

/** One line, and nothing that a terminal would obey: messages come from outside. */
const visible = (text: string): string =>
  text.replace(/\p{Cc}+/gu, ' ').replace(/[\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, '');
