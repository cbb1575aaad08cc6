import type { Workload } from './workloads.ts';

/** What is posted, to how many policies. */
export interface CellPlan {
  workload: Workload;
  podKiB: number;
  policies: number;
}

export const nameOf = ({ workload, podKiB, policies }: CellPlan): string => `${workload.id}/${podKiB}/${policies}`;

/** All of them, or those that are wanted; none when other parts have the wanted ones. */
export function wantedCells(plans: readonly CellPlan[], names: readonly string[] | undefined): readonly CellPlan[] {
  return names === undefined ? plans : plans.filter((plan) => names.includes(nameOf(plan)));
}
