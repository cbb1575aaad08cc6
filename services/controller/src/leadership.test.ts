import type { LeaseHandler } from '@jspolicy/kube';
import { createLogger } from '@jspolicy/runtime';
import { expect, test } from 'vitest';
import { Leadership } from './leadership.ts';

/** An election that is won and lost by command, and work that ends when it is let. */
function leadership() {
  const told: string[] = [];
  let handler: LeaseHandler | undefined;
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const works = new Leadership({
    identity: 'a',
    elect: (given) => {
      handler = given;
      return { stop: async () => void told.push('given back') };
    },
    lead: () => {
      told.push('begins');
      return {
        stop: async () => {
          told.push('is ending');
          await ended;
        },
      };
    },
    onFailed: (error) => told.push(error.message),
    onLeads: (leads) => told.push(leads ? 'leads' : 'leads no more'),
    log: createLogger({ service: 'test', level: 'silent' }),
  });
  return { told, works, end, handler: handler as unknown as LeaseHandler };
}

test('a Lease that is won while the work of the one before ends begins no work', async () => {
  const { told, works, end, handler } = leadership();
  handler.onAcquired();
  handler.onLost();
  const stopped = works.stop();
  handler.onAcquired();
  end();
  await stopped;
  expect(told).toEqual(['leads', 'begins', 'leads no more', 'is ending', 'is ending', 'given back']);
});

test('work ends before the Lease is given back, and begins anew with a Lease that is won again', async () => {
  const { told, works, end, handler } = leadership();
  end();
  handler.onAcquired();
  handler.onLost();
  handler.onAcquired();
  await works.stop();
  const once = ['leads', 'begins'];
  expect(told).toEqual([...once, 'leads no more', 'is ending', ...once, 'is ending', 'given back']);
});
