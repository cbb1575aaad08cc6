import { expect, test } from 'vitest';
import { PARTS, parseOptions, UsageError } from './options.ts';

test('without options everything is measured in full', () => {
  const options = parseOptions([]);
  expect(options).toMatchObject({ parts: PARTS, evaluators: 1, sandboxes: 1, output: undefined });
  expect(options?.scale).toMatchObject({ blocks: 10, requestsPerBlock: 300, warmUpRequests: 2_000 });
});

test('parts keep their own order, and blocks go before the scale', () => {
  const options = parseOptions(['--only', 'save,latency', '--quick', '--blocks', '5', '-o', 'out.json']);
  expect(options?.parts).toEqual(['latency', 'save']);
  expect(options?.scale).toMatchObject({ blocks: 5, requestsPerBlock: 100 });
  expect(options?.output).toBe('out.json');
});

test('parts are named by --only, or alone', () => {
  expect(parseOptions(['audit', '--quick'])?.parts).toEqual(['audit']);
  expect(parseOptions(['--only', 'audit', 'memory'])?.parts).toEqual(['memory', 'audit']);
});

test('help is no run', () => expect(parseOptions(['--help'])).toBeUndefined());

test.each([
  [['--only', 'speed'], 'speed'],
  [['--blocks', '0'], '--blocks'],
  [['--evaluators', 'x'], '--evaluators'],
  [['--unknown'], '--unknown'],
  [['more'], 'more'],
])('%j is refused', (args, named) => {
  expect(() => parseOptions(args)).toThrow(UsageError);
  expect(() => parseOptions(args)).toThrow(named);
});
