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
  /** Why evaluators hold it back. It stands beside a problem, because what served before goes on. */
  heldBack?: Pick<Problem, 'reason' | 'message'>;
  /** Conditions that hold, without Ready. */
  holds: Exclude<ConditionType, 'Ready'>[];
  bundleHash?: string;
}

/** The status as it should be; times of conditions that did not change are kept. */
export function policyStatus(policy: JsPolicy, facts: StatusFacts, now: Date): JsPolicyStatus {
  const [problem] = problemsOf(facts);
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

const ORDER: Problem['condition'][] = ['BundleCompiled', 'ControllerReady', 'WebhookReady', 'Evaluable'];

/** In the order of their conditions: the first one is the policy's. */
function problemsOf({ problem, heldBack }: StatusFacts): Problem[] {
  const evaluable: Problem[] = heldBack ? [{ condition: 'Evaluable', ...heldBack }] : [];
  return problem ? [problem, ...evaluable] : evaluable;
}

function wanted(facts: StatusFacts): Timeless[] {
  const problems = problemsOf(facts);
  const parts = ORDER.flatMap((type): Timeless[] => {
    const problem = problems.find(({ condition }) => condition === type);
    if (problem) return [falseCondition(type, problem)];
    return facts.holds.includes(type) ? [{ type, status: 'True' }] : [];
  });
  const [first] = problems;
  return [first ? falseCondition('Ready', first) : { type: 'Ready', status: 'True' }, ...parts];
}

const falseCondition = (type: ConditionType, { reason, message }: Problem): Timeless => ({
  type,
  status: 'False',
  severity: 'Error',
  reason,
  message,
});

function withTime(condition: Timeless, before: Condition[] | undefined, now: Date): Condition {
  const known = before?.find(({ type }) => type === condition.type);
  const lastTransitionTime = known?.status === condition.status ? known.lastTransitionTime : seconds(now);
  return { ...condition, lastTransitionTime };
}

/** RFC 3339 in whole seconds, as the API server writes times. */
const seconds = (time: Date): string => time.toISOString().replace(/\.\d+Z$/, 'Z');

const sorted = (status: JsPolicyStatus | undefined): unknown =>
  status && JSON.parse(JSON.stringify({ ...status, conditions: status.conditions ?? [] }));
