import { KubeError } from '@jspolicy/kube';
import { CertificateError } from './certificate/trusted-authorities.ts';
import type { Problem } from './status.ts';

/** How a step of a reconcile ended, when it did not succeed. */
export interface Failed {
  /** What the status tells; absent: nothing that concerns the policy's author. */
  problem: Problem | undefined;
  /** Thrown in the end, so that it is tried again. */
  error: unknown;
}

/** undefined for a step that succeeded. The API server's refusals stand in the status, but for a lost race; so does a certificate that only people can mend. */
export function failureOf(condition: Problem['condition'], step: PromiseSettledResult<unknown>): Failed | undefined {
  if (step.status === 'fulfilled') return undefined;
  const error: unknown = step.reason;
  const refused = error instanceof KubeError && error.reason !== 'Conflict' && error.reason !== 'AlreadyExists';
  const told = refused || error instanceof CertificateError;
  return { error, problem: told ? { condition, reason: 'SyncFailed', message: error.message } : undefined };
}
