import type { PolicyType } from '@jspolicy/contracts';
import { diff, type Verdict } from '@jspolicy/policy';
import type { GuestOutcome } from '../guest/guest-types.ts';
import type { ChildAnswer } from '../messages.ts';
import { boundedFailure, boundedVerdict, patchProblem } from './answer-bounds.ts';
import { timeout, withoutBootstrapFrames, withoutOurFrames } from './failure.ts';

export interface Judged {
  policy: string;
  policyType: PolicyType;
  /** The review as text: what a patch starts from. */
  review: string;
}

/** What a context said, checked: policy code may have written anything into its response. */
export function answerOf(outcome: string, judged: Judged): ChildAnswer {
  const told = JSON.parse(outcome) as GuestOutcome;
  if (told.malformed !== undefined) return { kind: 'malformed', message: told.malformed };
  const { info: review } = told;
  if (told.stopped) return { kind: 'failed', failure: timeout(judged.policy), review };
  if (told.uncaught !== undefined) {
    const message = withoutOurFrames(told.uncaught).toWellFormed();
    return { kind: 'failed', failure: boundedFailure({ cause: 'exception', message }), review };
  }
  try {
    return { kind: 'verdict', verdict: boundedVerdict(verdictOf(told.response, judged)), review };
  } catch (error) {
    if (!(error instanceof WrongResponse)) throw error;
    return { kind: 'failed', failure: { cause: 'exception', message: error.message }, review };
  }
}

class WrongResponse extends Error {}

/** `null` allows, as an untouched response does. */
function verdictOf(response: unknown, judged: Judged): Verdict {
  if (response === null) return { deny: false, warnings: [] };
  if (typeof response !== 'object' || Array.isArray(response)) throw new WrongResponse('__response must be an object');
  const fields = response as Record<string, unknown>;
  const message = withoutBootstrapFrames(optional(fields, 'message', 'string') ?? '');
  const reason = optional(fields, 'reason', 'string');
  const code = optional(fields, 'code', 'number');
  const deny = optional(fields, 'deny', 'boolean') ?? false;
  const patch = deny ? undefined : patchOf(fields['patched'], judged);
  const requeue = optional(fields, 'requeue', 'boolean') ?? false;
  return {
    deny,
    ...(message && { message }),
    ...(reason && { reason }),
    ...(code !== undefined && { code }),
    warnings: warningsOf(fields['warnings']),
    ...(patch && patch.length > 0 && { patch }),
    ...(requeue && { requeue: message ? { message } : {} }),
  };
}

interface Types {
  string: string;
  number: number;
  boolean: boolean;
}

function optional<T extends keyof Types>(fields: Record<string, unknown>, key: string, type: T): Types[T] | undefined {
  const value = fields[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== type) throw new WrongResponse(`__response.${key} must be a ${type}`);
  // A lone surrogate is no text that could be sent: it becomes U+FFFD, as in Go.
  return (typeof value === 'string' ? value.toWellFormed() : value) as Types[T];
}

function warningsOf(value: unknown): string[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new WrongResponse('__response.warnings must be a list');
  return value.map((warning: unknown) => {
    if (warning === null) return '';
    if (typeof warning !== 'string') throw new WrongResponse('__response.warnings must be a list of strings');
    return withoutBootstrapFrames(warning.toWellFormed());
  });
}

/** Both sides are parsed by the same parser, so a number that was not touched gives no operation. */
function patchOf(patched: unknown, { policyType, review }: Judged) {
  if (patched === undefined || patched === null) return undefined;
  if (typeof patched !== 'object' || Array.isArray(patched))
    throw new WrongResponse('mutate(object): object must be an object');
  if (policyType !== 'Mutating') return undefined;
  const { request } = JSON.parse(review) as { request?: { object?: unknown } };
  const patch = comparedDeeply(() => diff(request?.object ?? null, patched));
  const problem = patchProblem(patch);
  if (problem !== undefined) throw new WrongResponse(problem);
  return patch;
}

function comparedDeeply<T>(compare: () => T): T {
  try {
    return compare();
  } catch (error) {
    // The end of the stack.
    if (error instanceof RangeError) throw new WrongResponse('mutate(object): object is nested too deeply');
    throw error;
  }
}
