import { setTimeout as delay } from 'node:timers/promises';

/** Full jitter: a random time from 0 to the bound, which doubles with each attempt (from 0) up to maxMs. */
export function backoffMs(attempt: number, options: { baseMs: number; maxMs: number }): number {
  return Math.random() * Math.min(options.maxMs, options.baseMs * 2 ** Math.min(attempt, 30));
}

/** Waits; ends early, without an error, when the signal aborts. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await delay(ms, undefined, signal ? { signal } : {}).catch(() => undefined);
}
