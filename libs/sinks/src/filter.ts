import type { SinkFilter, ViolationEvent } from '@jspolicy/contracts';
import { Environment } from '@marcbachmann/cel-js';

export type Matches = (event: ViolationEvent) => boolean;

/** A rule of a few comparisons; a larger one belongs behind the sink. */
const LIMITS = { maxAstNodes: 1_000, maxDepth: 50 };

const environment = () => new Environment({ limits: LIMITS }).registerVariable('event', 'map');

/** What is wrong with the expression; undefined when nothing is. */
export function expressionProblem(expression: string): string | undefined {
  try {
    const { valid, type, error } = environment().check(expression);
    if (!valid) return firstLine(error?.message ?? 'is no CEL');
    return type === 'bool' || type === 'dyn' ? undefined : `must give a bool, gives ${type}`;
  } catch (error) {
    return firstLine(error instanceof Error ? error.message : String(error));
  }
}

const firstLine = (message: string): string => message.split('\n')[0] ?? '';

/**
 * Whether a sink wants an event. An expression that fails on an event lets it through: a field that is missing there must
 * not lose a violation. Throws for an expression that cannot be read.
 */
export function filterOf({ policies, namespaces, actions, expression }: SinkFilter = {}): Matches {
  const conditions: Matches[] = [];
  if (policies) conditions.push(anyOf(policies, ({ data }) => data.policy));
  if (namespaces) conditions.push(anyOf(namespaces, ({ data }) => data.object.namespace ?? ''));
  if (actions) conditions.push(({ data }) => actions.includes(data.action));
  if (expression !== undefined) conditions.push(judgedBy(expression));
  return (event) => conditions.every((matches) => matches(event));
}

function anyOf(patterns: string[], textOf: (event: ViolationEvent) => string): Matches {
  const expressions = patterns.map(
    (pattern) => new RegExp(`^${pattern.split('*').map(RegExp.escape).join('.*')}$`, 's'),
  );
  return (event) => expressions.some((expression) => expression.test(textOf(event)));
}

function judgedBy(expression: string): Matches {
  const judge = environment().parse(expression);
  return (event) => {
    try {
      return judge({ event: withIntegers(event) }) !== false;
    } catch {
      return true;
    }
  };
}

/** Whole numbers are ints in CEL, where JavaScript has doubles only. */
function withIntegers(value: unknown): unknown {
  if (Number.isSafeInteger(value)) return BigInt(value as number);
  if (Array.isArray(value)) return value.map(withIntegers);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, withIntegers(each)]));
}
