import { pause } from '@jspolicy/runtime';

const MAX_MS = 1000;

/** Waits at most a second, and not beyond the evaluation. Wrong arguments wait for nothing. */
export async function sleep(args: unknown[], signal: AbortSignal): Promise<undefined> {
  const [ms] = args;
  if (args.length !== 1 || typeof ms !== 'number' || !(ms > 0)) return undefined;
  await pause(Math.min(ms, MAX_MS), signal);
  return undefined;
}
