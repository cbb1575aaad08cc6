/** The sandbox may answer so much later than its limit, when it has to kill a process. */
const SANDBOX_OVERRUN_MS = 100;
/** For recording the violation and for the way back. */
const ANSWER_MS = 100;
/** Of a short deadline most is still the policy's. */
const RESERVE_SHARE = 0.2;

/**
 * Milliseconds that a policy may take when so many are left for the answer. A part is kept back: an answer of ours that
 * says why is worth more than an evaluation until the last moment, after which the asker has gone.
 */
export function timeLimitMs(timeoutSeconds: number, leftMs: number): number {
  const reserveMs = Math.min(SANDBOX_OVERRUN_MS + ANSWER_MS, leftMs * RESERVE_SHARE);
  return Math.min(timeoutSeconds * 1000, leftMs - reserveMs);
}
