import { expect, test } from 'vitest';
import { withSortedKeys } from './sorted-keys.ts';

test('keys of all objects are in alphabetical order, also those that have a meaning', () => {
  const text = '{"z":[{"b":1,"a":null}],"__proto__":{"d":1,"c":2},"a":{"y":true,"x":"é"}}';
  expect(JSON.stringify(withSortedKeys(JSON.parse(text)))).toBe(
    '{"__proto__":{"c":2,"d":1},"a":{"x":"é","y":true},"z":[{"a":null,"b":1}]}',
  );
});
