import { policyToken } from './bus.ts';

/**
 * How the controller learns that a policy is in force everywhere. Plain messages, without JetStream: decisions and
 * changes of policies must not wait for one another's storage.
 */

/** An evaluator that serves tells it here: an EvaluatorSign. */
export const EVALUATORS_SUBJECT = 'jspolicy.v1.evaluators';
export const SIGN_INTERVAL_MS = 1_000;
/**
 * Who was silent for so long is not waited for any more. Longer than a busy machine keeps a process from running, shorter than people
 * wait for a policy.
 */
export const SILENT_MS = 10_000;
/** An evaluator that stood still for so long asks what it missed before it decides: well before it is not waited for. */
export const STANDSTILL_MS = SILENT_MS / 2;

export const IN_FORCE_SUBJECTS = 'jspolicy.v1.inforce.*';
export const inForceSubject = (policy: string): string => `jspolicy.v1.inforce.${policyToken(policy)}`;
/** Below the controller's inbox: evaluators may answer there, and nowhere else of it. */
export const IN_FORCE_INBOX = 'inforce';

export interface EvaluatorSign {
  schema: 1;
  /** Its name, for people. */
  evaluator: string;
  /** One life of it: a successor may have the same name. */
  instance: string;
  /** It serves no more. */
  leaving?: boolean;
}

/** Whether this record, or a newer one of the policy, is in force. */
export interface InForceQuestion {
  schema: 1;
  uid: string;
  generation: number;
  digest?: string;
  /** Of the record in its bucket. */
  revision: number;
}

/** It is, at this evaluator. Who has it not in force yet answers later. */
export interface InForceAnswer {
  schema: 1;
  instance: string;
}
