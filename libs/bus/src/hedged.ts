import { TimeoutError } from '@nats-io/nats-core';

/** Since the first try: when others begin beside those that run. */
const NEXT_TRY_MS = [1_000, 3_000, 6_000];
/** Longer than any request of the client waits. */
const LONGEST_MS = 15_000;

/**
 * The first try that gives something; one that hangs because a message was lost, or its consumer, keeps nobody. Rejects when all that
 * were begun failed, or after 15 s.
 */
export function hedged<T>(read: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    let running = 0;
    const end = (settle: () => void) => {
      for (const timer of timers) clearTimeout(timer);
      settle();
    };
    const begin = () => {
      running++;
      read().then(
        (value) => end(() => resolve(value)),
        (error: unknown) => --running === 0 && end(() => reject(error)),
      );
    };
    const timers = NEXT_TRY_MS.map((afterMs) => setTimeout(begin, afterMs));
    timers.push(setTimeout(() => end(() => reject(new TimeoutError())), LONGEST_MS));
    begin();
  });
}
