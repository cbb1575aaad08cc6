import fc from 'fast-check';
import { expect, test } from 'vitest';
import { deadlineMs, parseDuration } from './deadline.ts';

test.each([
  ['10s', 10_000],
  ['1m30s', 90_000],
  ['1.5s', 1_500],
  ['500ms', 500],
  ['0s', 0],
])('%s is %d ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each(['', '10', 's', '-5s', '10 s', 'junk', '1d', '1s;'])('%j is no duration', (text) => {
  expect(parseDuration(text)).toBeUndefined();
});

test.each([
  ['10s', 9_800],
  ['1s', 900],
  ['30s', 29_800],
  ['0s', 180],
  ['10m', 29_800],
  [undefined, 9_800],
  ['-5s', 9_800],
  [['1s', '2s'], 9_800],
])('the deadline of timeout=%j is %d ms', (timeout, ms) => {
  expect(deadlineMs(timeout)).toBe(ms);
});

test('any text gives a deadline between 180 ms and 29.8 s', () => {
  fc.assert(fc.property(fc.string(), (text) => deadlineMs(text) >= 180 && deadlineMs(text) <= 29_800));
});
