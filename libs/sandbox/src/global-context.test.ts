import { afterAll, describe, expect, test } from 'vitest';
import { type RunOptions, TestPool } from './pool-for-test.test-part.ts';

const pools: TestPool[] = [];
afterAll(() => Promise.all(pools.map((pool) => pool.sandbox.stop())));

function poolWith(globalContext: string): TestPool {
  const pool = new TestPool({ processes: 1, globalContext });
  pools.push(pool);
  return pool;
}

describe('a global context', () => {
  const pool = poolWith(`"use strict";
    const REGISTRIES = ["a.example/"];
    let count = 0;
    var next = () => ++count;
    class Refusal { constructor(text) { this.text = text } }
    function refuse(text) { deny(new Refusal(text).text + next()) }
    globalThis.teamOf = (name) => get("Team", "v1", name).args[2];
    var sleep = () => "my own";`);

  test.each<RunOptions>([{ isolation: 'kept' }, { isolation: 'request' }, { isolation: 'request', form: 'script' }])(
    'is there for every policy, anew each time: %j',
    async (options) => {
      for (let time = 0; time < 3; time++) {
        expect(await pool.message('refuse(REGISTRIES[0] + typeof Refusal)', options)).toBe('a.example/function1');
      }
    },
  );

  test('may ask the host, and replace a function', async () => {
    expect(await pool.message('deny(teamOf("a"))', { hostCalls: [] })).toBe('a');
    expect(await pool.message('deny(sleep(1))', { hostCalls: ['sleep'] })).toBe('my own');
  });

  test('leaves a policy its own names', async () => {
    expect(await pool.message('const REGISTRIES = "own"; undeclared = 1; deny(REGISTRIES + undeclared)')).toBe('own1');
  });

  test('is seen by packages', async () => {
    expect(await pool.message('deny(fromPackage)', { prelude: 'var fromPackage = REGISTRIES.length + "";\n' })).toBe(
      '1',
    );
  });

  test('stands in stacks under its name', async () => {
    const other = poolWith('function boom() {\n  throw new Error("from it") }');
    expect(await other.message('boom()')).toBe(
      'Uncaught Error: from it\n    at boom (GLOBAL_CONTEXT:2:9)\n    at p.test.example:1:1',
    );
  });
});

test.each<[string, RegExp, RunOptions]>([
  ['throw new Error("none")', /^Uncaught Error: none\n {4}at GLOBAL_CONTEXT:1:7$/, {}],
  ['const deny = 1', /^Uncaught SyntaxError: Identifier 'deny' has already been declared/, {}],
  ['while (true) {}', /^script p\.test\.example timed out$/, { limitMs: 2_000 }],
])('one that cannot be evaluated fails every policy: %s', async (globalContext, message, limit) => {
  const pool = poolWith(globalContext);
  for (let time = 0; time < 2; time++) expect(await pool.message('allow()', limit)).toMatch(message);
});
