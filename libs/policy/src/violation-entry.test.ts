import { describe, expect, test } from 'vitest';
import { record, review } from './records.fixture.ts';
import { violationEntry } from './violation-entry.ts';
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
