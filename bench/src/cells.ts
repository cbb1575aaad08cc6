import { UsageError } from './options.ts';
import type { Workload } from './workloads.ts';

/** What is posted, to how many policies. */
export interface CellPlan {
  workload: Workload;
  podKiB: number;
  policies: number;
}

export const nameOf = ({ workload, podKiB, policies }: CellPlan): string => `${workload.id}/${podKiB}/${policies}`;

/** All of them, or the one that is wanted. Throws UsageError when there is none of that name. */
export function wantedCells(plans: readonly CellPlan[], name: string | undefined): readonly CellPlan[] {
  const wanted = name === undefined ? plans : plans.filter((plan) => nameOf(plan) === name);
  if (wanted.length > 0) return wanted;
  throw new UsageError(`--cell: ${JSON.stringify(name)} is none of ${plans.map(nameOf).join(', ')}`);
}
