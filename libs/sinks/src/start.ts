import { sinceOf } from '@jspolicy/contracts';

/** Where a new sink begins in the stream. */
export type Start = 'New' | 'All' | { since: Date };

/** Reads `from`; undefined for what it cannot be. */
export function startOf(from: unknown = 'New', now = Date.now()): Start | undefined {
  if (from === 'New' || from === 'All') return from;
  const since = typeof from === 'string' ? sinceOf(from, now) : undefined;
  return since && { since };
}
