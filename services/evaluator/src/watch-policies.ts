import type { Bus, Running } from '@jspolicy/bus';
import type { PolicyTable } from './policy-table.ts';

/** Follows the policies. Resolves when each one that exists is in force, or was tried once. */
export async function watchPolicies(bus: Bus, table: PolicyTable): Promise<Running> {
  const first: Promise<void>[] = [];
  let synced = () => {};
  const allTold = new Promise<void>((resolve) => {
    synced = resolve;
  });
  let starting = true;
  const watch = await bus.policies.watch({
    onPut(record, revision) {
      const put = table.put(record, revision);
      if (starting) first.push(put);
    },
    onRemove: (name) => table.remove(name),
    onRevision: (revision) => table.told(revision),
    onSynced: () => synced(),
  });
  await allTold;
  starting = false;
  await Promise.all(first);
  return watch;
}
