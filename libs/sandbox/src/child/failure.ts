import type { PolicyFailure } from '@jspolicy/policy';
import { BOOTSTRAP_NAME } from '../guest/bootstrap.ts';

export interface EngineFailure {
  failure: PolicyFailure;
  /** The isolate may be damaged: the process must not be used again. */
  damaged: boolean;
}

/** What an exception of the isolate itself says of the policy. After its time anything else is only a consequence. */
export function failureOf(error: unknown, policy: string, timeIsOver: boolean): EngineFailure {
  const message = error instanceof Error ? error.message : String(error);
  if (timeIsOver || message.includes('Script execution timed out')) return { failure: timeout(policy), damaged: true };
  if (/isolate (was|is) disposed|array buffer allocation failed|out of memory/i.test(message)) {
    return { failure: { cause: 'memory', message: `policy ${policy} ran out of memory` }, damaged: true };
  }
  const text = error instanceof Error ? `Uncaught ${withoutOurFrames(error.stack ?? message)}` : message;
  return { failure: { cause: 'exception', message: text }, damaged: false };
}

/** Whether the isolate itself gave up, as against code that threw. */
export const isEngineFailure = (error: unknown): boolean =>
  error instanceof Error &&
  /Script execution timed out|isolate (was|is) disposed|allocation failed|out of memory/i.test(error.message);

export const timeout = (policy: string): PolicyFailure => ({ cause: 'timeout', message: `script ${policy} timed out` });

/** Frames of the bootstrap and of this process say nothing to the author of a policy. */
export function withoutOurFrames(stack: string): string {
  return stack
    .split('\n')
    .filter(
      (line) =>
        !/^\s+at /.test(line) || !(line.includes(BOOTSTRAP_NAME) || /isolated-vm|file:\/\/|node:|\.js:\d+/.test(line)),
    )
    .join('\n');
}
