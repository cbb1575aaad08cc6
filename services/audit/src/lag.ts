import type { Consumer, Running } from '@jspolicy/bus';
import { type Logger, pause } from '@jspolicy/runtime';

/** Less than what usually lies between two reads of the metrics. */
const INTERVAL_MS = 5_000;

/** Tells again and again how many messages wait, so that the figure also rises while none is delivered. */
export function followLag(
  consumer: Pick<Consumer, 'pending'>,
  { log, onPending }: { log: Logger; onPending(count: number): void },
): Running {
  const stopping = new AbortController();
  const follow = async () => {
    while (!stopping.signal.aborted) {
      await consumer.pending().then(onPending, (err: unknown) => log.debug({ err }, 'lag is not known now'));
      await pause(INTERVAL_MS, stopping.signal);
    }
  };
  const done = follow();
  return {
    stop: () => {
      stopping.abort();
      return done;
    },
  };
}
