import { afterEach, expect, test } from 'vitest';
import { type Isolation, TestPool } from './pool-for-test.test-part.ts';

// One process for many healthy policies: none pays for the memory that all of them take together.
let pool: TestPool;
afterEach(() => pool.sandbox.stop());

const functions = (units: number): string => {
  let text = 'globalThis.all = [';
  for (let i = 0; text.length < units; i++)
    text += `function a${i}(x) { return x.metadata.name === "k${i}" ? x : ${i} },`;
  return `${text}];\n`;
};

async function judgeInTurn(count: number, prelude: string, isolation: Isolation): Promise<string[]> {
  const told: string[] = [];
  pool = new TestPool({ processes: 1, maxProcesses: 1, onQuarantine: (policy) => told.push(policy) });
  const wrong: string[] = [];
  for (let i = 0; i < count; i++) {
    const options = { policy: `p${i}.test.example`, prelude: `/*${i}*/${prelude}`, isolation };
    const message = await pool.message(`deny('p${i}')`, options);
    if (message !== `p${i}`) wrong.push(message);
  }
  return [...wrong, ...told];
}

test.each<[string, string, Isolation]>([
  ['large scripts in fresh contexts', functions(2_000_000), 'request'],
  ['large scripts in kept contexts', functions(2_000_000), 'kept'],
  ['dependencies that make much', 'globalThis.all = Array.from({ length: 300_000 }, (_, i) => ({ i }));\n', 'kept'],
])('%s', async (_what, prelude, isolation) => {
  expect(await judgeInTurn(18, prelude, isolation)).toEqual([]);
});

test('scripts that together are larger than what a process may hold', async () => {
  expect(await judgeInTurn(55, `//${'x'.repeat(6_000_000)}\n`, 'kept')).toEqual([]);
});

test('what is unloaded is gone from the isolate', async () => {
  pool = new TestPool({ processes: 1, maxProcesses: 1, memoryLimitMiB: 32 });
  for (let i = 0; i < 400; i++) {
    const code = `/*${i} ${'x'.repeat(100_000)}*/ deny('p')`;
    expect(await pool.message(code, { isolation: 'request' })).toBe('p');
    pool.unload(code, { isolation: 'request' });
  }
});

test('who finds the heap half full and needs the rest is judged in another process', async () => {
  const told: string[] = [];
  pool = new TestPool({ processes: 1, maxProcesses: 1, onQuarantine: (policy) => told.push(policy) });
  const chunks = (count: number) => `Array.from({ length: ${count} }, (_, i) => new Array(100_000).fill(i))`;
  for (let round = 0; round < 6; round++) {
    const prelude = `globalThis.all = ${chunks(60)};\n`;
    expect(await pool.message('deny("large")', { prelude, policy: 'large.test.example' })).toBe('large');
    expect(await pool.message(`deny(String(${chunks(100)}.length))`)).toBe('100');
  }
  expect(told).toEqual([]);
});
