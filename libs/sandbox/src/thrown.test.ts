import { afterAll, describe, expect, test } from 'vitest';
import { type Isolation, TestPool } from './pool-for-test.test-part.ts';

const pool = new TestPool();
afterAll(() => pool.sandbox.stop());

/** What a policy may throw, and the text of its failure. */
const THROWN: [string, string | RegExp][] = [
  ['throw null', 'null'],
  ['throw true', 'true'],
  ['throw -0', '0'],
  ['throw 5n', '5'],
  ['throw ""', ''],
  ['throw {}', '[object Object]'],
  ['throw {message: "m"}', '[object Object]'],
  ['throw [1, [2, 3]]', '1,2,3'],
  ['throw {toString: () => "own text"}', 'own text'],
  ['throw {reason: "R", message: "m", toString() { return this.reason + ": " + this.message }}', 'R: m'],
  ['throw new String("boxed")', 'boxed'],
  ['throw new Date(NaN)', 'Invalid Date'],
  ['throw {stack: "a stack of its own"}', 'Uncaught a stack of its own'],
  ['throw Object.create({stack: "inherited"})', 'Uncaught inherited'],
  ['throw {stack: 5}', 'Uncaught 5'],
  ['throw {stack: "", toString: () => "no stack"}', 'no stack'],
  ['throw {get stack() { throw 1 }, toString: () => "none to be had"}', 'none to be had'],
  ['throw {get stack() { deny("from a getter") }}', 'from a getter'],
  ['throw Object.assign(() => 1, {stack: "of a function"})', 'Uncaught of a function'],
  ['throw Object.assign(new Error("m"), {stack: ""})', 'Error: m'],
  ['throw Object.assign(new Error("m"), {stack: null})', 'Uncaught null'],
  ['class Own extends Error { get name() { return "Own" } } throw new Own("m")', /^Uncaught Own: m\n {4}at /],
  ['class Own extends TypeError {} throw new Own("m")', /^Uncaught TypeError: m\n {4}at /],
  ['throw new AggregateError([new Error("a")], "several")', /^Uncaught AggregateError: several\n {4}at /],
  ['throw new Error("")', /^Uncaught Error\n {4}at /],
  ['throw new Error("ü😀\\u2028")', /^Uncaught Error: ü😀\u2028\n {4}at /],
  ['throw new Error({a: 1})', /^Uncaught Error: \[object Object\]\n/],
  ['Promise.resolve().then(() => { throw new Error("later") }); throw "now"', 'now'],
  ['try { throw new Error("first") } finally { throw "second" }', 'second'],
  ['(() => { "use strict"; undefinedVariable = 1 })()', /^Uncaught ReferenceError: undefinedVariable is not defined/],
  ['null.x', /^Uncaught TypeError: Cannot read properties of null \(reading 'x'\)/],
  ['undefined()', /^Uncaught TypeError: undefined is not a function/],
  ['new (class { #p; static m(o) { return o.#p } }).constructor.m({})', /^Uncaught TypeError: /],
  ['const c = 1; c = 2', /^Uncaught TypeError: Assignment to constant variable\./],
  ['BigInt(1.5)', /^Uncaught RangeError: /],
  ['"x".repeat(-1)', /^Uncaught RangeError: Invalid count value: -1/],
  ['new Array(-1)', /^Uncaught RangeError: Invalid array length/],
  ['decodeURIComponent("%")', /^Uncaught URIError: URI malformed/],
  ['x; let x = 1', /^Uncaught ReferenceError: Cannot access 'x' before initialization/],
  ['JSON.parse("{")', /^Uncaught SyntaxError: /],
  ['new RegExp("(")', /^Uncaught SyntaxError: Invalid regular expression: /],
  ['(function f() { f() })()', /^Uncaught RangeError: Maximum call stack size exceeded/],
];

describe.each<Isolation>(['kept', 'request'])('in a context of isolation %s', (isolation) => {
  test.each(THROWN)('%s', async (code, text) => {
    const result = await pool.run(code, { isolation });
    const message = result.kind === 'failed' ? result.failure.message : await pool.message(code, { isolation });
    if (typeof text === 'string') expect(message).toBe(text);
    else expect(message).toMatch(text);
    expect(result).toMatchObject({ review: { uid: 'u-1' } });
  });

  test('warnings before what is thrown are lost, and nothing is denied', async () => {
    expect(await pool.run('warn("w"); throw "text"', { isolation })).toMatchObject({
      kind: 'failed',
      failure: { cause: 'exception', message: 'text' },
    });
  });

  test.each([
    'Promise.reject(new Error("nobody looks"))',
    '(async () => { throw new Error("nobody looks") })()',
    'Promise.resolve().then(() => { throw "nobody looks" })',
    'new Promise(() => { throw 1 })',
    '(async () => { await null; null.x })()',
  ])('%s allows', async (code) => {
    expect(await pool.run(`warn("kept"); ${code}`, { isolation })).toMatchObject({
      kind: 'verdict',
      verdict: { deny: false, warnings: ['kept'] },
    });
  });
});
