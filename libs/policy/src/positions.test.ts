import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Positions } from './positions.ts';

const positions = fc.array(fc.integer({ min: 1, max: 200 }), { maxLength: 60 });

test('has what was put in, also after it was a text', () => {
  fc.assert(
    fc.property(fc.array(positions, { maxLength: 4 }), fc.nat(100), (groups, upTo) => {
      let set = Positions.none().withAllUpTo(upTo);
      for (const group of groups) set = Positions.of(JSON.parse(JSON.stringify(set.with(group))));
      const inside = new Set(groups.flat());
      for (let position = 1; position <= 201; position++)
        expect(set.has(position)).toBe(position <= upTo || inside.has(position));
    }),
  );
});

test('neighbours are one run, and one that joins the start is part of it', () => {
  const set = Positions.none().with([7, 5, 6, 9]);
  expect(set.toJSON()).toEqual({ upTo: 0, runs: '4+3,1+1' });
  expect(set.with([1, 2, 3, 4]).toJSON()).toEqual({ upTo: 7, runs: '1+1' });
  expect(set.withAllUpTo(6).toJSON()).toEqual({ upTo: 7, runs: '1+1' });
});

test('its text is bounded: the oldest gaps count as filled', () => {
  const everySecond = Array.from({ length: 200_000 }, (_, index) => 2 * index + 2);
  const told = Positions.none().with(everySecond).toJSON();
  expect(JSON.stringify(told).length).toBeLessThan(400_000);
  expect(Positions.of(told).has(400_000)).toBe(true);
  expect(Positions.of(told).has(399_999)).toBe(false);
  expect(Positions.of(told).has(299_999)).toBe(true);
});

test.each(['x', '1', '0+0', '-1+2', '+', '1+x'])('a text that nobody wrote is nothing: %s', (runs) => {
  expect(Positions.of({ upTo: 3, runs }).toJSON()).toEqual({ upTo: 3 });
});
