import type { KubeError } from '@jspolicy/kube';
import { HostCallError } from '@jspolicy/sandbox';

/** By name: the class would load the cluster's client, which most evaluators never need. */
export function kubeErrorOf(error: unknown): KubeError | undefined {
  return error instanceof Error && error.name === 'KubeError' ? (error as KubeError) : undefined;
}

/** What the cluster refused, as the policy sees it. Anything else is not the policy's and stays as it is. */
export function asHostCallError(reason: string, error: unknown): unknown {
  const kubeError = kubeErrorOf(error);
  return kubeError ? new HostCallError(reason, kubeError.message, { cause: error }) : error;
}
