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

const EVENT = {
  specversion: '1.0',
  id: 'u.a.b.c.1',
  type: 'com.jspolicy.policy.violation.v1',
  time: '2026-01-02T03:04:05.678Z',
  data: { policy: 'a.b.c', policyUid: '', action: 'Dry', code: 403, request: {}, user: {}, object: {} },
};
const read = (text: string) => readEvent(message(new TextEncoder().encode(text)));

test('an event comes with its position in the stream', () => {
  expect(read(JSON.stringify(EVENT))).toEqual({ sequence: 7, event: EVENT });
});

test.each([undefined, 7, {}, '', 'a\nb', 'ü', 'x'.repeat(401)])(
  'id %j, which no header could carry, is refused',
  (id) => {
    expect(read(JSON.stringify({ ...EVENT, id }))).toBe('id is not as it should be');
  },
);

test('what is nested so deeply that no sink could write it is refused', () => {
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
  expect(read(JSON.stringify({ ...EVENT, more: 0 }).replace('"more":0', `"more":${deep}`))).toBe(
    'it is nested too deeply',
  );
});

test.each([
  [{ specversion: { toString: 1 } }, 'specversion an object, this version knows 1.0'],
  [{ type: { toString: 1 } }, 'type an object, this version knows com.jspolicy.policy.violation.v1'],
  [{ type: ['x'] }, 'type a list, this version knows com.jspolicy.policy.violation.v1'],
  [{ type: null }, 'type null, this version knows com.jspolicy.policy.violation.v1'],
  [{ specversion: 'a\r\n\u001b[31mb' }, 'specversion a [31mb, this version knows 1.0'],
  [{ specversion: 'x'.repeat(1_000) }, `specversion ${'x'.repeat(80)}, this version knows 1.0`],
])('%j is told in one short line', (wrong, problem) => {
  expect(read(JSON.stringify({ ...EVENT, ...wrong }))).toBe(problem);
});

/** Sinks make texts of them. */
test.each([
  [{ source: {} }, {}, 'source or subject is no text'],
  [{ subject: { toString: 1 } }, {}, 'source or subject is no text'],
  [{}, { revision: { toString: 1 } }, 'revision, occurrences are not all numbers'],
  [{}, { occurrences: { toString: 1 } }, 'revision, occurrences are not all numbers'],
  [{}, { dryRun: { toString: 1 } }, 'dryRun is not true or false'],
])('%j with the data %j is refused', (wrong, data, problem) => {
  expect(read(JSON.stringify({ ...EVENT, ...wrong, data: { ...EVENT.data, ...data } }))).toBe(problem);
});
