import { createContext, Script } from 'node:vm';
import type { ViolationEvent } from '@jspolicy/contracts';
import { Environment } from '@marcbachmann/cel-js';
import { ruleProblem } from './expression-rules.ts';
import { globMatches } from './glob.ts';

/** A rule of a few comparisons; a larger one belongs behind the sink. */
const LIMITS = { maxAstNodes: 500, maxDepth: 50 };
/** As the kind's schema has it. */
const MAX_CHARACTERS = 4_096;
/** For MAX_EVENTS; one takes microseconds. Other sinks of the process wait meanwhile. */
const LIMIT_MS = 250;
const MAX_EVENTS = 100;
/** An expression that was too dear is not asked again for so long, so that it holds nobody up. */
const REST_MS = 60_000;
/** How often it is tried to judge one event at least, where the machine gave hardly any time for it. */
const MAX_TRIES = 3;

const environment = () =>
  new Environment({ limits: LIMITS })
    .registerVariable('event', 'map')
    .registerFunction('string.glob(string): bool', (text: string, pattern: string) => globMatches(pattern, text));

/** What is wrong with an expression; undefined when nothing is. */
export function expressionProblem(expression: string): string | undefined {
  if (expression.length > MAX_CHARACTERS) return `must have at most ${MAX_CHARACTERS} characters`;
  try {
    const problem = ruleProblem(environment().parse(expression).ast);
    if (problem !== undefined) return problem;
    const { valid, type, error } = environment().check(expression);
    if (!valid) return firstLine(error?.message ?? 'is no CEL');
    return type === 'bool' || type === 'dyn' ? undefined : `must give a bool, gives ${type}`;
  } catch (error) {
    return firstLine(error);
  }
}

/** Whether an event is wanted; a text that says why it could not be told. */
export type Answer = boolean | string;

/**
 * An expression that expressionProblem() had nothing against. It has LIMIT_MS for MAX_EVENTS: what cannot be
 * told within it is answered by a text, and so is everything for REST_MS then.
 */
export class Expression {
  readonly #text: string;
  readonly #limitMs: number;
  readonly #script = new Script('work()');
  readonly #context = createContext({ work: () => this.#work() });
  #work: () => void = () => undefined;
  #judge: (event: ViolationEvent) => Answer;
  #restsUntilMs = 0;
  #fruitless = 0;

  constructor(text: string, { limitMs = LIMIT_MS }: { limitMs?: number } = {}) {
    this.#text = text;
    this.#limitMs = limitMs;
    this.#judge = judgeOf(text);
  }

  /** An answer for each event. */
  judge(events: readonly ViolationEvent[]): Answer[] {
    const answers: Answer[] = [];
    while (answers.length < events.length) {
      if (performance.now() < this.#restsUntilMs) answers.push(TOO_DEAR);
      else this.#judgeSome(events.slice(answers.length, answers.length + MAX_EVENTS), answers);
    }
    return answers;
  }

  #judgeSome(events: readonly ViolationEvent[], answers: Answer[]): void {
    const before = answers.length;
    const usedBefore = process.threadCpuUsage();
    this.#work = () => {
      for (const event of events) answers.push(this.#judge(event));
    };
    try {
      this.#script.runInContext(this.#context, { timeout: this.#limitMs });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
      // What was interrupted may be left half done.
      this.#judge = judgeOf(this.#text);
      const { user, system } = process.threadCpuUsage(usedBefore);
      // On a busy machine the time may have gone to others.
      const isStuck = answers.length === before && ++this.#fruitless >= MAX_TRIES;
      const isDear = (user + system) / 1000 > this.#limitMs / 2;
      if (isStuck || isDear) this.#restsUntilMs = performance.now() + REST_MS;
    }
    if (answers.length > before) this.#fruitless = 0;
  }
}

const TOO_DEAR = 'it takes too long';

function judgeOf(text: string): (event: ViolationEvent) => Answer {
  const judge = environment().parse(text);
  return (event) => {
    try {
      const answer: unknown = judge({ event: withIntegers(event) });
      return typeof answer === 'boolean' ? answer : 'it gives no bool';
    } catch (error) {
      return firstLine(error);
    }
  };
}

const firstLine = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';

/** Whole numbers are ints in CEL, where JavaScript has doubles only. */
function withIntegers(value: unknown): unknown {
  if (Number.isSafeInteger(value)) return BigInt(value as number);
  if (Array.isArray(value)) return value.map(withIntegers);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, withIntegers(each)]));
}
