import { startAuditArm } from './arms/audit.ts';
import type { AuditCost } from './audit-cost.ts';
import { type AuditDrain, measureAuditDrain } from './audit-drain.ts';
import { type AuditRates, measureAuditRates } from './audit-rates.ts';
import type { Scale } from './options.ts';
import type { Resources } from './resources.ts';

/** What becomes of violations, how fast, and what that costs. */
export interface AuditResult {
  rates: AuditRates[];
  drain: AuditDrain;
  cost: AuditCost;
}

/** The record, the statuses and a sink; without the rest of the engine, which would take the processors. */
export async function measureAudit(resources: Resources, scale: Scale): Promise<Omit<AuditResult, 'cost'>> {
  const arm = await startAuditArm(resources);
  const rates = await measureAuditRates(arm, scale);
  return { rates, drain: await measureAuditDrain(arm, scale.drainEvents) };
}
