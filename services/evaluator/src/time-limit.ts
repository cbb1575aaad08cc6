/** The sandbox may answer so much later than its limit, when it has to kill a process. */
const SANDBOX_OVERRUN_MS = 100;
/** For recording the violation and for the way back. */
const ANSWER_MS = 100;
/** Of a short deadline most is still the policy's. */
const RESERVE_SHARE = 0.2;

export interface TimeLimits {
  /** What a policy may take. */
  limitMs: number;
  /** What is there for it altogether, when it has to be evaluated anew. */
  deadlineMs: number;
}

/**
 * What a policy may take when so many milliseconds are left for the answer. A part is kept back: an answer of ours that
 * says why is worth more than an evaluation until the last moment, after which the asker has gone.
 */
export function timeLimits(timeoutSeconds: number, leftMs: number): TimeLimits {
  const reserveMs = Math.min(SANDBOX_OVERRUN_MS + ANSWER_MS, leftMs * RESERVE_SHARE);
  const deadlineMs = leftMs - reserveMs;
  return { limitMs: Math.min(timeoutSeconds * 1000, deadlineMs), deadlineMs };
}
