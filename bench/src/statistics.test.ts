import fc from 'fast-check';
import { expect, test } from 'vitest';
import { estimate, median, quantile, quantiles } from './statistics.ts';

test('a quantile lies between its neighbours in order, whatever order the values came in', () => {
  expect(quantile([30, 10, 20, 40], 0)).toBe(10);
  expect(quantile([30, 10, 20, 40], 1)).toBe(40);
  expect(median([30, 10, 20, 40])).toBe(25);
  expect(median([30, 10, 20])).toBe(20);
  expect(quantile([0, 100], 0.99)).toBeCloseTo(99);
});

test('numbers are sorted as numbers', () => {
  expect(quantiles([9, 10, 100, 1])).toEqual({ p50: 9.5, p90: expect.closeTo(73), p99: expect.closeTo(97.3) });
});

test('no values have no quantile', () => {
  expect(() => median([])).toThrow(RangeError);
});

test('the interval holds the median, is the same each time, and has no width for equal values', () => {
  const values = [2.4, 2.6, 2.5, 2.9, 2.3, 2.55, 2.7, 2.45, 2.6, 2.5];
  const got = estimate(values);
  expect(got).toEqual(estimate(values));
  expect(got.median).toBeCloseTo(2.525);
  expect(got.low).toBeGreaterThanOrEqual(2.3);
  expect(got.low).toBeLessThan(got.median);
  expect(got.high).toBeGreaterThan(got.median);
  expect(got.high).toBeLessThanOrEqual(2.9);
  expect(estimate([3, 3, 3])).toEqual({ median: 3, low: 3, high: 3 });
});

test('low, median and high stand in order for any values', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 30 }), (values) => {
      const { low, median, high } = estimate(values);
      return low <= median && median <= high && low >= Math.min(...values) && high <= Math.max(...values);
    }),
    { numRuns: 20 },
  );
});
