import { Script } from 'node:vm';
import { type Position, positionAt } from './diagnostics.ts';
import { hostCallsIn } from './host-calls.ts';
import { isParseError, parseScript } from './syntax-tree.ts';

/** What a text is as a classic script. */
export type ScriptFacts = { problem: { text: string; position: Position | undefined } } | { hostCalls: string[] };

/** Takes some hundred MiB for a text of some MiB, and more of all where the text is made to take it. */
export function scriptFacts(script: string): ScriptFacts {
  const error = syntaxError(script);
  return error
    ? { problem: { text: error.message, position: positionOf(script) } }
    : { hostCalls: hostCallsIn(script) };
}

/** What V8 has against a text; it is compiled here and never run. */
export function syntaxError(script: string): Error | undefined {
  try {
    new Script(script, { filename: 'bundle' });
    return undefined;
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
}

/** Beyond it a place is not worth its cost: a syntax tree takes a hundred times its text, or more. */
const LARGE_LENGTH = 1_500_000;

/** V8 keeps its positions in the stack's text; acorn tells them. They agree on nearly all texts. */
function positionOf(script: string): Position | undefined {
  if (script.length > LARGE_LENGTH) return undefined;
  try {
    parseScript(script, { allowHashBang: true });
    return undefined;
  } catch (error) {
    return isParseError(error) ? positionAt(script, error.pos) : undefined;
  }
}
