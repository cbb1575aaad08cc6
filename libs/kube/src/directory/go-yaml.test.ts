import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { GO_YAML } from './go-yaml.ts';

/** Answers of sigs.k8s.io/yaml 1.6.0 to `v: <text>`. */
test.each<[string, unknown]>([
  ['yes', true],
  ['on', true],
  ['y', true],
  ['Y', true],
  ['n', false],
  ['No', false],
  ['OFF', false],
  ['True', true],
  ['tRUE', 'tRUE'],
  ['12:30:45', '12:30:45'],
  ['0777', 511],
  ['0o17', 15],
  ['0O17', 15],
  ['0888', 888],
  ['08', 8],
  ['0x1F', 31],
  ['-0x1F', -31],
  ['0b101', 5],
  ['-0b11', -3],
  ['1_000', 1000],
  ['1__0', 10],
  ['1_0.5', 10.5],
  ['_1', '_1'],
  ['1_', 1],
  ['1e3', 1000],
  ['1.5e+3', 1500],
  ['1E-2', 0.01],
  ['1e', '1e'],
  ['.5', 0.5],
  ['-.5', -0.5],
  ['1.', 1],
  ['+1', 1],
  ['-0', 0],
  ['--1', '--1'],
  ['0x', '0x'],
  ['2001-01-01', '2001-01-01'],
  ['~', null],
  ['Null', null],
  ['', null],
  ['=', '='],
  ['inf', 'inf'],
  ["'yes'", 'yes'],
  ['"0777"', '0777'],
  ['!!str yes', 'yes'],
  ['!!int "3"', 3],
  ['!!float 3', 3],
])('reads %j as %j', (text, expected) => {
  expect(parse(`v: ${text}\n`, GO_YAML)).toEqual({ v: expected });
});

test.each(['.inf', '.NaN', '-.Inf'])('refuses %s, which JSON does not have', (text) => {
  expect(() => parse(`v: ${text}\n`, GO_YAML)).toThrow('is not a value that JSON has');
});

test('keys become text, and merges are made', () => {
  expect(parse('yes: 1\n1.50: a\n0777: b', GO_YAML)).toEqual({ true: 1, '1.5': 'a', '511': 'b' });
  expect(parse('x: &a {b: 1}\nz:\n  <<: *a\n  c: 2', GO_YAML)).toEqual({ x: { b: 1 }, z: { b: 1, c: 2 } });
  expect(parse('%YAML 1.1\n---\nv: 12:30:45', GO_YAML)).toEqual({ v: '12:30:45' });
});
