import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jsonProblem } from './json-problem.ts';

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

test('it agrees with JSON.parse on what is JSON', () => {
  fc.assert(
    fc.property(fc.json(), (text) => jsonProblem(text) === undefined),
    { numRuns: 500 },
  );
  const pieces = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ':',
    ',',
    '"a"',
    '1',
    '-',
    '.5',
    '0',
    '1e3',
    'null',
    ' ',
    '\n',
    "'",
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 8 }), (parts) => {
      const text = parts.join('');
      return (jsonProblem(text) === undefined) === isJson(text);
    }),
    { numRuns: 2000 },
  );
});

test('the place is the first character that does not fit; a deep nest is a problem', () => {
  expect(jsonProblem('{"a": 1,}')?.offset).toBe(8);
  expect(jsonProblem('{"a": 1} x')).toEqual({
    offset: 9,
    message: 'no JSON: nothing more is expected after the value',
  });
  expect(jsonProblem('['.repeat(200_000))?.message).toBe('is nested too deeply');
});
