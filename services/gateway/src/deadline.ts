/** The API server's default for webhooks. */
const DEFAULT_MS = 10_000;
/** webhooks[].timeoutSeconds is 1 to 30; below 200 ms nothing could be answered. */
const MIN_MS = 200;
const MAX_MS = 30_000;
/** Kept back so that our answer is there before the API server gives up: 10 %, 200 ms at most. */
const RESERVE_SHARE = 0.1;
const RESERVE_MAX_MS = 200;

const UNIT_MS: Record<string, number> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const DURATION = /^(?:\d+(?:\.\d*)?(?:ns|us|µs|ms|s|m|h))+$/;
const PART = /(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)/g;

/** A Go duration such as `10s` or `1m30s` in milliseconds; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  if (!DURATION.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(PART)) total += Number(amount) * (UNIT_MS[unit ?? ''] ?? 0);
  return total;
}

/** Milliseconds until a request must be answered, from the `?timeout=` that the API server adds. */
export function deadlineMs(timeout: unknown): number {
  const asked = typeof timeout === 'string' ? (parseDuration(timeout) ?? DEFAULT_MS) : DEFAULT_MS;
  const bounded = Math.min(MAX_MS, Math.max(MIN_MS, asked));
  return bounded - Math.min(RESERVE_MAX_MS, bounded * RESERVE_SHARE);
}
