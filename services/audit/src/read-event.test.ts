import { expect, test } from 'vitest';
import { readEvent } from './read-event.ts';

const message = (body: Uint8Array) => ({
  subject: 's',
  body,
  sequence: 7,
  time: new Date(0),
  redelivered: false,
  headers: {},
});

test('bytes that are no JSON are no event', () => {
  expect(readEvent(message(new Uint8Array([0xff, 0x7b])))).toBe('not JSON');
});

test('an event comes with its position in the stream', () => {
  const event = {
    specversion: '1.0',
    type: 'com.jspolicy.policy.violation.v1',
    time: '2026-01-02T03:04:05.678Z',
    data: { policy: 'a.b.c', policyUid: '', action: 'Dry', code: 403, request: {}, user: {}, object: {} },
  };
  expect(readEvent(message(new TextEncoder().encode(JSON.stringify(event))))).toEqual({ sequence: 7, event });
});
