import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { record, review } from './records.fixture.ts';
import { mergeViolations, violationEntry } from './violation-entry.ts';
import { violationEvent } from './violation-event.ts';

const time = new Date('2026-03-04T05:06:07.891Z');
const violation = { action: 'Deny', code: 403, reason: 'Forbidden', message: 'no' } as const;
const base = { record: record(), review: review(), violation, time, evaluator: 'e-1' };
const event = (message = 'no') => violationEvent({ ...base, violation: { ...violation, message } });

describe('violationEntry', () => {
  test('has the fields of the status', () => {
    expect(violationEntry(event())).toEqual({
      action: 'Deny',
      code: 403,
      reason: 'Forbidden',
      message: 'no',
      requestInfo: { name: 'web', namespace: 'shop', kind: 'Deployment', apiVersion: 'apps/v1', operation: 'CREATE' },
      userInfo: { username: 'dana', uid: 'u-7' },
      timestamp: '2026-03-04T05:06:07Z',
    });
  });

  test('leaves out what is empty', () => {
    const {
      name: _name,
      namespace: _namespace,
      ...rest
    } = review({ userInfo: {}, kind: { group: '', version: 'v1', kind: 'Node' } });
    expect(violationEntry(violationEvent({ ...base, review: rest, violation: { action: 'Dry', code: 500 } }))).toEqual({
      action: 'Dry',
      code: 500,
      requestInfo: { kind: 'Node', apiVersion: 'v1', operation: 'CREATE' },
      userInfo: {},
      timestamp: '2026-03-04T05:06:07Z',
    });
  });

  test.each([
    ['256 bytes stay', 'x'.repeat(256), 'x'.repeat(256)],
    ['257 become 253 and dots', 'x'.repeat(257), `${'x'.repeat(253)}...`],
    ['a cut is between characters', 'é'.repeat(300), `${'é'.repeat(126)}...`],
    ['also outside of the basic plane', '😀'.repeat(100), `${'😀'.repeat(63)}...`],
  ])('%s', (_what, message, expected) => {
    expect(violationEntry(event(message)).message).toBe(expected);
  });
});

describe('mergeViolations', () => {
  const delivery = (sequence: number) => ({ sequence, event: event(`event ${sequence}`) });
  const messages = (status: ReturnType<typeof mergeViolations>) => status.violations?.map(({ message }) => message);
  const earlier = { violations: [violationEntry(event('of an earlier engine')), violationEntry(event('another'))] };

  test('any order, batches and repetition of deliveries give the same', () => {
    const deliveries = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(
        deliveries,
        fc.infiniteStream(fc.integer({ min: 1, max: 5 })),
        fc.integer({ min: 1, max: 12 }),
        (order, sizes, size) => {
          let status: ReturnType<typeof mergeViolations> | undefined = earlier;
          for (let at = 0; at < order.length; ) {
            const count = sizes.next().value ?? 1;
            status = mergeViolations(status, order.slice(at, at + count).map(delivery), { size, stream: 's' });
            at += count;
          }
          const sorted = [...new Set(order)].sort((a, b) => a - b);
          expect(messages(status)).toEqual(
            ['of an earlier engine', 'another', ...sorted.map((sequence) => `event ${sequence}`)].slice(-size),
          );
          expect(status.sequences).toEqual(sorted.slice(-size));
        },
      ),
    );
  });

  test('positions of a stream that was made anew count from the start again', () => {
    const before = mergeViolations(undefined, [delivery(7)], { size: 3, stream: 'first' });
    const after = mergeViolations(before, [delivery(1)], { size: 3, stream: 'second' });
    expect(messages(after)).toEqual(['event 7', 'event 1']);
    expect(after).toMatchObject({ sequences: [1], stream: 'second' });
  });

  test('nothing delivered changes nothing', () => {
    const status = mergeViolations(undefined, [delivery(1), delivery(2)], { size: 3, stream: 's' });
    expect(mergeViolations(status, [], { size: 3, stream: 's' })).toEqual(status);
  });
});
