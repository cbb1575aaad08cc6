import { afterAll, expect, test } from 'vitest';
import { messageOf, type RunOptions, TestPool } from './pool-for-test.test-part.ts';

// Scripts that users bundle themselves: all of it runs at the top level, in a fresh context.
const pool = new TestPool();
afterAll(() => pool.sandbox.stop());
const options: RunOptions = { isolation: 'request', form: 'script' };

const verdicts: [string, string][] = [
  ['deny("x"); // at the end', 'x'],
  ['"use strict"; undeclared = 1; deny("sloppy")', 'sloppy'],
  ['(function () { "use strict"; undeclared = 1 })()', 'Uncaught ReferenceError: undeclared is not defined'],
  ['#!/usr/bin/env node\ndeny("x")', 'x'],
  ['function deny(m) { warn("mine " + m) } deny("x")', 'allowed'],
  ['const deny = 1', "Uncaught SyntaxError: Identifier 'deny' has already been declared"],
  ['var f; function f() { return "f" } deny(f())', 'f'],
  ['let a = 1; const b = 2; class C {} deny(String(a + b) + typeof C)', '3function'],
  ['var lib = (() => ({ x: 1 }))(); deny(String(globalThis.lib.x))', '1'],
  ['exports.rule = 1; deny(Object.keys(exports).join())', 'rule'],
  ['if (', 'Uncaught SyntaxError: Unexpected end of input'],
  ['} catch {} deny("out"); try {', "Uncaught SyntaxError: Unexpected token '}'"],
  ['throw "text"', 'text'],
  ['throw { toString: () => "mine" }', 'mine'],
  ['throw { toString() { throw 1 } }', 'Uncaught exception whose text cannot be read'],
  ['const e = new Error("m"); e.stack = "my stack"; throw e', 'Uncaught my stack'],
  ['fails()', 'Uncaught ReferenceError: fails is not defined'],
  ['update({})', 'NotGranted: no'],
  ['Promise.reject(new Error("lost"))', 'allowed'],
  ['(async () => { await null; deny("late") })()', 'late'],
  ['(async () => { throw new Error("lost") })(); deny("now")', 'now'],
  ['({ f: () => 1 })', 'allowed'],
];

test.each(verdicts)('%s', async (code, wanted) => {
  for (const hostCalls of [[], ['update']]) {
    const result = await pool.run(code, { ...options, hostCalls });
    expect(messageOf(result).split('\n')[0]).toBe(wanted);
  }
});

test('stack frames tell the place in the script', async () => {
  const text = await pool.message('function f() {\n  throw new Error("two")\n}\nf()', options);
  expect(text).toBe('Uncaught Error: two\n    at f (p.test.example:2:9)\n    at p.test.example:4:1');
});
