/** Where a new sink begins in the stream. */
export type Start = 'New' | 'All' | { since: Date };

const DURATION = /^(\d{1,6})(s|m|h|d)$/;
const MS: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** A duration before now, or an RFC 3339 time; undefined for anything else. */
export function sinceOf(text: string, now = Date.now()): Date | undefined {
  const [, count, unit = ''] = DURATION.exec(text) ?? [];
  if (count !== undefined) return new Date(now - Number(count) * (MS[unit] ?? 0));
  const time = TIME.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) ? undefined : new Date(time);
}

/** Reads `from`; undefined for what it cannot be. */
export function startOf(from: unknown = 'New', now = Date.now()): Start | undefined {
  if (from === 'New' || from === 'All') return from;
  const since = typeof from === 'string' ? sinceOf(from, now) : undefined;
  return since && { since };
}
