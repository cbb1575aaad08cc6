import type { Bundle, PolicyType } from '@jspolicy/contracts';
import type { PolicyFailure, ReviewInfo, Verdict } from '@jspolicy/policy';

/** A host function that policy code called, with arguments that were checked to be JSON. */
export interface HostCall {
  name: string;
  args: unknown[];
}

/** A JSON value that a host function has as text already: UTF-8, in pieces, which stay as they are until they are sent. */
export class JsonText {
  readonly pieces: readonly Uint8Array[];
  constructor(pieces: readonly Uint8Array[]) {
    this.pieces = pieces;
  }
}

/** Answers host calls, in the evaluator's own process. */
export interface HostFunctions {
  /**
   * Resolves to a JSON value (undefined is allowed), or to its JsonText. A rejection with HostCallError is thrown inside the policy as
   * {reason, message, toString()}; any other rejection is our bug and fails the evaluation.
   * `signal` aborts when the evaluation ends: work that is left must stop then.
   */
  call(call: HostCall, signal: AbortSignal): Promise<unknown>;
  /** A line of print(), at most 64 KiB, already joined; control characters are still in it. */
  print(line: string): void;
}

/** An error that belongs to the policy: it reads `reason: message` there. */
export class HostCallError extends Error {
  readonly reason: string;
  constructor(reason: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'HostCallError';
    this.reason = reason;
  }
}

export interface Evaluation {
  policy: string;
  type: PolicyType;
  /** Digest of a bundle that was loaded. */
  digest: string;
  /** The AdmissionReview as it came, UTF-8 JSON. Not kept after the evaluation. */
  review: Uint8Array;
  /** Milliseconds from now that the policy has, waiting for a free sandbox included. */
  limitMs: number;
  /**
   * Milliseconds from now until the answer must be there; limitMs unless it is more. Within it, an evaluation that has to be
   * made anew has its whole limit again.
   */
  deadlineMs?: number;
  /** In a fresh context, also where the bundle might live in a kept one. */
  fresh?: boolean;
  host: HostFunctions;
}

export type EvaluationResult =
  | { kind: 'verdict'; verdict: Verdict; review: ReviewInfo }
  /** The body is no AdmissionReview: the caller's fault. */
  | { kind: 'malformed'; message: string }
  /** The policy's failure. `review` is absent when the process died before it told. */
  | { kind: 'failed'; failure: PolicyFailure; review?: ReviewInfo }
  /**
   * Nothing was evaluated, and that is ours. The message says which of these it was: the bundle is not loaded (any more), no
   * time was left, the sandbox is stopping, too many evaluations wait already (all at once); no process was free within
   * limitMs, or none can be started (when limitMs is over).
   */
  | { kind: 'refused'; message: string };

/** Judges reviews. Implemented by a pool of child processes; the offline commands use the same pool with one process. */
export interface Sandbox {
  /**
   * From the call on, evaluate() takes this digest, in whatever process; each is sent the script when it needs it. Resolves
   * when one process is ready to evaluate, or when the start of one has failed; never rejects. Whether the script compiles is
   * shown by its evaluations alone. Idempotent.
   */
  load(bundle: Bundle): Promise<void>;
  /** Forgets a bundle, and what was learnt of it; evaluations that run or wait keep it until they end. */
  unload(digest: string): void;
  /**
   * Never rejects for what a policy did, and never later than deadlineMs (limitMs without it) plus 100 ms. A process that somebody else ends or stops
   * is nobody's fault: the evaluation is begun once more, unless a host call of it may have changed something.
   */
  evaluate(evaluation: Evaluation): Promise<EvaluationResult>;
  /** Waits for evaluations in flight, then ends every process. Idempotent. */
  stop(): Promise<void>;
}
