import type { Bus } from '@jspolicy/bus';
import type { PolicyRecord, WorkMessage } from '@jspolicy/contracts';

/** Within this time every evaluator and every replica of the store has what the controller wrote before it queued. */
const SETTLE_MS = 30_000;

/**
 * What becomes of a piece of work: evaluated by a record; not yet, because this evaluator is behind; or nothing, because
 * its policy is gone. stale: it was queued for an earlier state of the policy, after which all existing objects were
 * queued again.
 */
export type WorkPolicy =
  | { kind: 'evaluate'; record: PolicyRecord }
  | { kind: 'stale'; record: PolicyRecord }
  | { kind: 'wait' }
  | { kind: 'gone' };

interface Parts {
  table: { get(name: string): PolicyRecord | undefined };
  policies: Pick<Bus['policies'], 'get'>;
}

export async function workPolicy(work: WorkMessage, ageMs: number, { table, policies }: Parts): Promise<WorkPolicy> {
  const record = table.get(work.policy);
  if (record && isFor(record, work)) return { kind: 'evaluate', record };
  if (ageMs < SETTLE_MS) return { kind: 'wait' };
  const stored = await policies.get(work.policy);
  if (!stored) return { kind: 'gone' };
  const isBehind = isFor(stored, work) || !record || record.generation !== stored.generation;
  return isBehind ? { kind: 'wait' } : { kind: 'stale', record };
}

const isFor = (record: PolicyRecord, { policyUid, generation, digest }: WorkMessage): boolean =>
  record.uid === policyUid && record.generation === generation && record.bundle?.digest === digest;
