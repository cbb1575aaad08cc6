import { MAX_EVENT_MESSAGE_BYTES } from '@jspolicy/contracts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cutUtf8 } from './cut.ts';
import { record, review } from './records.fixture.ts';
import { mergeViolations, violationEntry, violationEvent } from './violation.ts';

const time = new Date('2026-03-04T05:06:07.891Z');
const violation = { action: 'Deny', code: 403, reason: 'Forbidden', message: 'no' } as const;
const base = { record: record(), review: review(), violation, time, evaluator: 'e-1' };
const event = (message = 'no') => violationEvent({ ...base, violation: { ...violation, message } });

describe('violationEvent', () => {
  test('says what happened, to whom and where', () => {
    expect(event()).toEqual({
      schema: 1,
      id: '0d9f5d8e-4f0c-4ac0-9b3c-2b3b0f4a1c11.p.example.com',
      policy: 'p.example.com',
      policyUid: 'policy-uid',
      generation: 3,
      type: 'Validating',
      action: 'Deny',
      code: 403,
      reason: 'Forbidden',
      message: 'no',
      requestInfo: { name: 'web', namespace: 'shop', kind: 'Deployment', apiVersion: 'apps/v1', operation: 'CREATE' },
      user: { username: 'dana', uid: 'u-7', groups: ['devs'] },
      dryRun: false,
      time: '2026-03-04T05:06:07.891Z',
      evaluator: 'e-1',
    });
  });

  test('cuts a long message between characters', () => {
    const message = event('é'.repeat(MAX_EVENT_MESSAGE_BYTES)).message ?? '';
    expect(message).toBe('é'.repeat(MAX_EVENT_MESSAGE_BYTES / 2));
  });

  test('is small, whatever the review holds', () => {
    const long = 'x'.repeat(100_000);
    const huge = review({
      name: long,
      operation: long,
      userInfo: { username: long, groups: [long] },
      kind: { group: long, version: long, kind: long },
    });
    const made = violationEvent({ ...base, review: huge, violation: { ...violation, reason: long, message: long } });
    expect(JSON.stringify(made).length).toBeLessThan(32 * 1024);
    expect(made.user).toEqual({ username: 'x'.repeat(1024) });
  });

  test('reviews without a uid are not taken for one', () => {
    const at = (ms: number) => violationEvent({ ...base, review: review({ uid: '' }), time: new Date(ms) }).id;
    expect(at(1)).not.toBe(at(2));
  });

  test('a uid that could break a header is not used as it is', () => {
    const { id } = violationEvent({ ...base, review: review({ uid: 'a\r\nb: c' }) });
    expect(id).toMatch(/^[0-9a-f]{64}\.p\.example\.com$/);
  });
});

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

test('cutUtf8 gives the longest start that fits', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), fc.nat(100), (text, maxBytes) => {
      const cut = cutUtf8(text, maxBytes);
      const next = String.fromCodePoint(text.codePointAt(cut.length) ?? 0);
      expect(text.startsWith(cut)).toBe(true);
      expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(maxBytes);
      if (cut !== text) expect(Buffer.byteLength(cut + next)).toBeGreaterThan(maxBytes);
    }),
  );
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
