import { expect, test } from 'vitest';
import { timeLimitMs } from './time-limit.ts';

test.each([
  ['the policy’s own timeout ends first', 1, 10_000, 1_000],
  ['200 ms are kept for the answer', 10, 9_800, 9_600],
  ['a fifth of a short deadline', 1, 900, 720],
  ['nothing is left', 10, -5, -4],
])('%s', (_what, timeoutSeconds, leftMs, expected) => {
  expect(timeLimitMs(timeoutSeconds, leftMs)).toBe(expected);
});
