import { setTimeout as delay } from 'node:timers/promises';
import type { Child } from './child.ts';
import { ServersError } from './errors.ts';

const POLL_MS = 20;

/**
 * Asks until check gives a value. Throws SERVER_NOT_STARTED, with the last lines of the process that is at fault, when
 * one of the children ends first or the time is over; the children are left as they are.
 */
export async function untilServing<T>(children: Child[], timeoutMs: number, check: () => Promise<T | undefined>) {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const value = await check();
    if (value !== undefined) return value;
    const ended = children.find((child) => child.exit);
    if (ended) throw notStarted(ended, `ended with ${ended.exit?.signal ?? ended.exit?.code} before it served`);
    if (Date.now() > end) throw notStarted(children.at(-1) as Child, `did not serve within ${timeoutMs / 1000} s`);
    await delay(POLL_MS);
  }
}

function notStarted(child: Child, what: string): ServersError {
  return new ServersError('SERVER_NOT_STARTED', `${child.name} ${what}. Its last lines:\n${child.lastLines()}`);
}
