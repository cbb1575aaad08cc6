import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';

/** Longer than a slow machine takes that stands still for a while: a wait that ends well costs no more for it. */
const TIMEOUT_MS = 120_000;
const POLL_MS = 20;

export interface WaitOptions {
  /** What is awaited, for the error: "the pod to be deleted". */
  what: string;
  timeoutMs?: number;
  pollMs?: number;
}

/** What is left of a type when it is truthy. */
type Truthy<T> = Exclude<T, false | 0 | '' | null | undefined>;

/**
 * Asks until the condition gives something truthy and returns that. An error that it throws means not yet.
 * Throws when the time is over, with what was awaited and what was seen last.
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  { what, timeoutMs = TIMEOUT_MS, pollMs = POLL_MS }: WaitOptions,
): Promise<Truthy<T>> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const seen = await look(condition);
    if ('value' in seen && seen.value) return seen.value as Truthy<T>;
    if (Date.now() > end) throw late(what, timeoutMs, seen);
    await delay(pollMs);
  }
}

type Seen<T> = { value: T } | { error: unknown };

async function look<T>(condition: () => T | Promise<T>): Promise<Seen<T>> {
  try {
    return { value: await condition() };
  } catch (error) {
    return { error };
  }
}

function late<T>(what: string, timeoutMs: number, seen: Seen<T>): Error {
  const last = 'value' in seen ? inspect(seen.value, { depth: 4 }) : `an error: ${inspect(seen.error)}`;
  const cause = 'error' in seen ? { cause: seen.error } : {};
  return new Error(`waited ${timeoutMs / 1000} s for ${what}; seen last: ${last}`, cause);
}
