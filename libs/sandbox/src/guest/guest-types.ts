import type { AdmissionRequest, AdmissionReview } from '@jspolicy/contracts';
import type { ReviewInfo } from '@jspolicy/policy';

export type { AdmissionRequest, AdmissionReview, ReviewInfo };

/** What the child process gives each context. They take and give strings; none of them throws on purpose. */
export interface HostPort {
  /** Asks the host; arguments as JSON. Answers one of the CallReply texts. */
  call(name: string, args: string): string;
  /** atob, btoa: undefined for bad input. */
  convert(name: 'atob' | 'btoa', text: string): string | undefined;
  print(line: string): void;
  /** The policy ended itself, with this outcome: it stands whatever the code still does. */
  end(outcome: string): void;
  /** Kept contexts: something was read that could leave traces, so this run counts for nothing. True: it ends here. */
  needsFresh(): boolean;
}

/**
 * First character of a reply to HostPort.call: v then JSON: a value; u: undefined; e then JSON {reason, message}: thrown;
 * s: the evaluation ends here: its time is over, or it begins again elsewhere.
 */
export type CallReply = string;

/** What a context answers, as JSON. */
export type GuestOutcome =
  | { info: ReviewInfo; response: unknown; uncaught?: undefined; stopped?: undefined; malformed?: undefined }
  | { info: ReviewInfo; uncaught: string; stopped?: undefined; malformed?: undefined }
  /** Its time was over while it waited for the host. */
  | { info: ReviewInfo; stopped: true; malformed?: undefined }
  | { malformed: string };

/** What a context can be asked; the first argument of its one function. */
export const GUEST = {
  /** policy, the review in pieces: parses, sets the globals. */
  begin: 0,
  /** function: evaluates the policy's code, unless the review was malformed or the policy has ended. */
  evaluate: 1,
  /** Gives the outcome; the evaluation is over. */
  finish: 2,
  /** Freezes the intrinsics; once, after the prelude. */
  harden: 3,
  /** factory: keeps what makes the policy's function; once. Then the globals are as they must be before each evaluation. */
  keep: 4,
  /** policy, the review in pieces: begin, and then evaluate with a new function of the factory. */
  evaluateKept: 5,
  /** Puts the globals back. Gives false when something stays behind: the context must not be used again. */
  sweep: 6,
} as const;
