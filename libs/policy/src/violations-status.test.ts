import type { JsPolicyViolations, ViolationAction } from '@jspolicy/contracts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { record, review } from './records.fixture.ts';
import { violationEntry } from './violation-entry.ts';
import { violationEvent } from './violation-event.ts';
import { mergeViolations } from './violations-status.ts';

type Status = JsPolicyViolations['status'];

const ACTIONS: ViolationAction[] = ['Deny', 'Warn', 'Dry', 'Controller'];
const time = new Date('2026-03-04T05:06:07.891Z');
const event = (message: string, action: ViolationAction = 'Deny') =>
  violationEvent({
    record: record(),
    review: review(),
    violation: { action, code: 403, message },
    time,
    evaluator: 'e',
  });
const delivery = (sequence: number) => ({
  sequence,
  event: event(`event ${sequence}`, ACTIONS[sequence % ACTIONS.length]),
});
const messages = (status: Status) => status?.violations?.map(({ message }) => message);
const earlier = { violations: [violationEntry(event('of an earlier engine')), violationEntry(event('another'))] };
const merge = (status: Status, sequences: number[], options = { size: 3, stream: 's' }) =>
  mergeViolations(status, sequences.map(delivery), options).status;

/** Deliveries in any order, repeated, in batches, of the positions from 1 on; every third belongs to another policy. */
const deliveries = fc
  .array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 80 })
  .map((positions) => positions.filter((position) => position % 3 > 0))
  .filter((positions) => positions.length > 0);

test('any order, batches and repetition of deliveries give the same', () => {
  fc.assert(
    fc.property(
      deliveries,
      fc.infiniteStream(fc.integer({ min: 1, max: 5 })),
      fc.integer({ min: 1, max: 12 }),
      (order, sizes, size) => {
        let status: Status = earlier;
        const handled = new Set<number>();
        for (let at = 0; at < order.length; ) {
          const count = sizes.next().value ?? 1;
          const batch = order.slice(at, at + count);
          status = merge(status, batch, { size, stream: 's', ...settled(handled) });
          for (const position of batch) handled.add(position);
          at += count;
        }
        const sorted = [...new Set(order)].sort((a, b) => a - b);
        const entries = ['of an earlier engine', 'another', ...sorted.map((sequence) => `event ${sequence}`)];
        expect(messages(status)).toEqual(entries.slice(-size));
        expect(status?.sequences).toEqual(sorted.slice(-size));
        const of = (action: ViolationAction) => sorted.filter((at) => ACTIONS[at % ACTIONS.length] === action).length;
        expect(status?.totals).toEqual({
          violations: sorted.length,
          deny: of('Deny'),
          warn: of('Warn'),
          dry: of('Dry'),
          controller: of('Controller'),
        });
      },
    ),
  );
});

/** What the server would say: all up to here was acknowledged; positions of the other policy are so at once. */
function settled(handled: Set<number>): { settledUpTo: number } {
  let upTo = 0;
  while (handled.has(upTo + 1) || (upTo + 1) % 3 === 0) upTo++;
  return { settledUpTo: upTo };
}

test('positions of a stream that was made anew count from the start again, the totals go on', () => {
  const before = merge(undefined, [7], { size: 3, stream: 'first' });
  const after = merge(before, [1], { size: 3, stream: 'second' });
  expect(messages(after)).toEqual(['event 7', 'event 1']);
  expect(after).toMatchObject({ sequences: [1], stream: 'second', totals: { violations: 2 } });
});

test('nothing delivered changes nothing, what was there already adds nothing', () => {
  const status = merge(undefined, [1, 2]);
  expect(merge(status, [])).toEqual(status);
  expect(mergeViolations(status, [delivery(2)], { size: 3, stream: 's' })).toEqual({ status, added: 0 });
});

test('what is settled takes no room', () => {
  const gaps = Array.from({ length: 1000 }, (_, index) => index * 2 + 2);
  const before = merge(undefined, gaps);
  const after = mergeViolations(before, [delivery(3000)], { size: 3, stream: 's', settledUpTo: 2_500 }).status;
  expect(after.counted).toEqual({ upTo: 2_500, runs: '499+1' });
  expect(after.totals?.violations).toBe(1001);
});

test('a status that has positions of its entries alone is taken up', () => {
  const { violations, sequences, stream } = merge(undefined, [4, 5, 6]) as NonNullable<Status>;
  const old = { ...(violations && { violations }), ...(sequences && { sequences }), ...(stream && { stream }) };
  expect(merge(old, [5, 6, 7])).toMatchObject({ sequences: [5, 6, 7], totals: { violations: 1 } });
});
