import type { PolicyFailure } from '@jspolicy/policy';
import { BOOTSTRAP_NAME } from '../guest/bootstrap.ts';
import { PolicySyntaxError } from './bundle-scripts.ts';
import type { AuthorText } from './loaded-bundle.ts';

export interface EngineFailure {
  failure: PolicyFailure;
  /** The isolate may be damaged: the process must not be used again. */
  damaged: boolean;
}

/** How the isolate stands after something was thrown. A message's text is not asked: a policy can throw any text. */
export interface IsolateState {
  disposed: boolean;
  timeIsOver: boolean;
}

/** What an exception says of the policy. After its time, or the isolate's end, anything else is only a consequence. */
export function failureOf(error: unknown, author: AuthorText, state: IsolateState): EngineFailure {
  const { name: policy } = author;
  const message = error instanceof Error ? error.message : String(error);
  if (state.timeIsOver) return { failure: timeout(policy), damaged: true };
  if (state.disposed)
    return { failure: { cause: 'memory', message: `policy ${policy} ran out of memory` }, damaged: true };
  if (error instanceof PolicySyntaxError) {
    return { failure: { cause: 'exception', message: `Uncaught SyntaxError: ${message}` }, damaged: false };
  }
  const text = error instanceof Error ? `Uncaught ${withoutOurFrames(error.stack ?? message, author)}` : message;
  return { failure: { cause: 'exception', message: text }, damaged: false };
}

export const timeout = (policy: string): PolicyFailure => ({ cause: 'timeout', message: `script ${policy} timed out` });

/** A text of the policy itself may hold a stack: where our own frames lie is nothing to tell. */
export function withoutBootstrapFrames(text: string): string {
  if (!text.includes(BOOTSTRAP_NAME)) return text;
  const isOurs = (line: string) => /^\s+at /.test(line) && line.includes(BOOTSTRAP_NAME);
  return text
    .split('\n')
    .filter((line) => !isOurs(line))
    .join('\n');
}

/**
 * Frames of the bootstrap and of this process say nothing to the author of a policy. That of the function around his text
 * stays, because jsPolicy has one too, and says where his text begins. Built-in functions that the bootstrap calls stand
 * there without their object's name.
 */
export function withoutOurFrames(stack: string, author: AuthorText): string {
  return stack
    .split('\n')
    .filter(
      (line) =>
        !/^\s+at /.test(line) ||
        !(
          line.includes(BOOTSTRAP_NAME) ||
          /isolated-vm|file:\/\/|node:|\.js:\d+|at (?:stringify|parse) \(<anonymous>\)/.test(line)
        ),
    )
    .map((line) => (isBelow(line, author) ? `    at ${author.name}:1:1` : line))
    .join('\n');
}

function isBelow(line: string, { name, lastLine }: AuthorText): boolean {
  const [, file, number] = /^\s+at (?:.* \()?([^()\s]+):(\d+):\d+\)?$/.exec(line) ?? [];
  return file === name && Number(number) > lastLine;
}
