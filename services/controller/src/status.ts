import { isDeepStrictEqual } from 'node:util';
import type { Condition, ConditionType, FailureReason, JsPolicy, JsPolicyStatus } from '@jspolicy/contracts';

/** What one reconcile found out about one part of a policy. */
export interface Problem {
  condition: Exclude<ConditionType, 'Ready'>;
  reason: FailureReason;
  message: string;
}

export interface StatusFacts {
  problem?: Problem;
  /** Conditions that hold, without Ready. */
  holds: Exclude<ConditionType, 'Ready'>[];
  bundleHash?: string;
}

/** The status as it should be; times of conditions that did not change are kept. */
export function policyStatus(policy: JsPolicy, facts: StatusFacts, now: Date): JsPolicyStatus {
  const { problem } = facts;
  const conditions = wanted(facts).map((condition) => withTime(condition, policy.status?.conditions, now));
  return {
    phase: problem ? 'Failed' : 'Synced',
    ...(problem && { reason: problem.reason, message: problem.message }),
    conditions,
    ...(policy.metadata.generation !== undefined && { observedGeneration: policy.metadata.generation }),
    ...(facts.bundleHash !== undefined && { bundleHash: facts.bundleHash }),
  };
}

/** Whether a write would change anything. */
export const isSameStatus = (a: JsPolicyStatus | undefined, b: JsPolicyStatus): boolean =>
  isDeepStrictEqual(sorted(a), sorted(b));

type Timeless = Omit<Condition, 'lastTransitionTime'>;

function wanted({ problem, holds }: StatusFacts): Timeless[] {
  const failed: Partial<Timeless> = problem
    ? { status: 'False', severity: 'Error', reason: problem.reason, message: problem.message }
    : {};
  const order: Exclude<ConditionType, 'Ready'>[] = ['BundleCompiled', 'ControllerReady', 'WebhookReady'];
  const parts = order.flatMap((type): Timeless[] => {
    if (problem?.condition === type) return [{ type, status: 'False', ...failed }];
    return holds.includes(type) ? [{ type, status: 'True' }] : [];
  });
  return [{ type: 'Ready', status: 'True', ...failed }, ...parts];
}

function withTime(condition: Timeless, before: Condition[] | undefined, now: Date): Condition {
  const known = before?.find(({ type }) => type === condition.type);
  const lastTransitionTime = known?.status === condition.status ? known.lastTransitionTime : seconds(now);
  return { ...condition, lastTransitionTime };
}

/** RFC 3339 in whole seconds, as the API server writes times. */
const seconds = (time: Date): string => time.toISOString().replace(/\.\d+Z$/, 'Z');

const sorted = (status: JsPolicyStatus | undefined): unknown =>
  status && JSON.parse(JSON.stringify({ ...status, conditions: status.conditions ?? [] }));
