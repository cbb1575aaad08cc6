import type { SinkFilter, ViolationEvent } from '@jspolicy/contracts';
import { type Answer, Expression } from './expression.ts';
import { globMatches } from './glob.ts';

/** Which events a sink wants. */
export interface Filter {
  /** For each event whether it is wanted, or why that could not be told: such an event must not be lost. */
  judge(events: readonly ViolationEvent[]): Answer[];
}

type Matches = (event: ViolationEvent) => boolean;

/** Throws for an expression that cannot be read. */
export function filterBy({ policies, namespaces, actions, expression }: SinkFilter): Filter {
  const conditions: Matches[] = [];
  if (policies) conditions.push(({ data }) => isAnyOf(policies, data.policy));
  if (namespaces) conditions.push(({ data }) => isAnyOf(namespaces, data.object.namespace ?? ''));
  if (actions) conditions.push(({ data }) => actions.includes(data.action));
  const judged = expression === undefined ? undefined : new Expression(expression);
  return {
    judge(events) {
      const matching = events.filter((event) => conditions.every((matches) => matches(event)));
      const answers = judged?.judge(matching) ?? matching.map(() => true);
      const byEvent = new Map(matching.map((event, i) => [event, answers[i] ?? false]));
      return events.map((event) => byEvent.get(event) ?? false);
    },
  };
}

const isAnyOf = (patterns: readonly string[], text: string): boolean =>
  patterns.some((pattern) => globMatches(pattern, text));
