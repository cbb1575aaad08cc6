import { expect, test } from 'vitest';
import { timeLimits } from './time-limit.ts';

test.each([
  ['the policy’s own timeout ends first', 1, 10_000, 1_000, 9_800],
  ['200 ms are kept for the answer', 10, 9_800, 9_600, 9_600],
  ['a fifth of a short deadline', 1, 900, 720, 720],
  ['nothing is left', 10, -5, -4, -4],
])('%s', (_what, timeoutSeconds, leftMs, limitMs, deadlineMs) => {
  expect(timeLimits(timeoutSeconds, leftMs)).toEqual({ limitMs, deadlineMs });
});
