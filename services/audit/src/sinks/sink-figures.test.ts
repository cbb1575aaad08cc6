import { expect, test } from 'vitest';
import { SinkFigures } from './sink-figures.ts';

const state = { pending: 0, settledUpTo: 3, firstSequence: 1 };

test('what is delivered before the status of the last turn is read counts', () => {
  const figures = new SinkFigures();
  figures.reset();
  figures.taken(2);
  figures.refused('no');
  figures.startFrom({ delivered: 10, failed: 1, lastDelivery: 'long ago' });
  expect(figures.status(state)).toMatchObject({ delivered: 12, failed: 1, dead: 1, lastError: { message: 'no' } });
  expect(figures.status(state).lastDelivery).not.toBe('long ago');
  figures.reset();
  figures.startFrom({ delivered: 12 });
  expect(figures.status(state)).toMatchObject({ delivered: 12, dead: 0 });
});
