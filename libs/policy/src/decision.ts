import type { PolicyRecord, ViolationAction } from '@jspolicy/contracts';
import type { PatchOperation, PolicyFailure, Verdict } from './verdict.ts';

/** What an evaluation came to. */
export type Outcome = { kind: 'verdict'; verdict: Verdict } | { kind: 'failed'; failure: PolicyFailure };

/** What goes into the record of violations. */
export interface Violation {
  action: ViolationAction;
  code: number;
  reason?: string;
  message?: string;
}

/** What is told to the API server, in the AdmissionReview's own terms. */
export interface Answer {
  kind: 'answer';
  allowed: boolean;
  code: number;
  message?: string;
  reason?: string;
  /** Complete, with the policy's name. */
  warnings: string[];
  patch?: PatchOperation[];
  violation?: Violation;
}

/** The policy could not be judged and the API server shall go by failurePolicy: an HTTP error with this text. */
export interface Unanswered {
  kind: 'unanswered';
  status: number;
  message: string;
}

export type Decision = Answer | Unanswered;

interface Question {
  record: PolicyRecord;
  outcome: Outcome;
}

const DEFAULT_CODE = 403;
const DEFAULT_REASON = 'Forbidden';
const FAILURE_CODE = 500;
const ALLOWED_CODE = 200;

/** Makes a decision of a verdict or a failure, as the policy's violationPolicy and failurePolicy say. */
export function decide({ record, outcome }: Question): Decision {
  if (outcome.kind === 'verdict' && !outcome.verdict.deny) return allowed(record, outcome.verdict);
  const objection = outcome.kind === 'verdict' ? denial(outcome.verdict) : failure(outcome.failure);
  const warnings = outcome.kind === 'verdict' ? named(record, outcome.verdict.warnings) : [];
  const violation = violationOf(record, objection);
  // Warn and Dry never block, not even for a policy that failed.
  if (record.violationPolicy === 'Warn') warnings.push(warning(record, objection.message ?? ''));
  if (record.violationPolicy !== 'Deny')
    return { kind: 'answer', allowed: true, code: ALLOWED_CODE, warnings, ...violation };
  // With Ignore nothing was denied, so nothing is recorded.
  if (outcome.kind === 'failed' && record.failurePolicy === 'Ignore') {
    return { kind: 'unanswered', status: FAILURE_CODE, message: outcome.failure.message };
  }
  return { kind: 'answer', allowed: false, ...objection, warnings, ...violation };
}

/** The code of what the policy itself came to, whatever violationPolicy makes of it: jsPolicy's metrics count by it. */
export function judgedCode(outcome: Outcome): number {
  if (outcome.kind === 'failed') return FAILURE_CODE;
  return outcome.verdict.deny ? denial(outcome.verdict).code : ALLOWED_CODE;
}

function allowed(record: PolicyRecord, verdict: Verdict): Answer {
  const { patch } = verdict;
  const mutates = record.type === 'Mutating' && record.violationPolicy !== 'Dry' && patch && patch.length > 0;
  const warnings = named(record, verdict.warnings);
  return { kind: 'answer', allowed: true, code: ALLOWED_CODE, warnings, ...(mutates ? { patch } : {}) };
}

type Objection = Pick<Violation, 'code' | 'reason' | 'message'>;

function denial({ message, reason, code = 0 }: Verdict): Objection {
  // Status.code is an int32 in the API: a larger number is cut to its low 32 bits.
  const status = code | 0;
  return {
    code: status > 0 ? status : DEFAULT_CODE,
    reason: reason || DEFAULT_REASON,
    ...(message ? { message } : {}),
  };
}

const failure = ({ message }: PolicyFailure): Objection => ({ code: FAILURE_CODE, message });

function violationOf(record: PolicyRecord, objection: Objection): { violation?: Violation } {
  if (record.auditPolicy === 'Skip') return {};
  const action = record.type === 'Controller' ? 'Controller' : record.violationPolicy;
  return { violation: { action, ...objection } };
}

const warning = (record: PolicyRecord, text: string): string => `[${record.name}]: ${text}`;
const named = (record: PolicyRecord, texts: string[]): string[] => texts.map((text) => warning(record, text));
