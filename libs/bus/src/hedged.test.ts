import { expect, test } from 'vitest';
import { hedged } from './hedged.ts';

const hangs = () => new Promise<never>(() => undefined);
const inTurn = (...reads: (() => Promise<string>)[]) => {
  let begun = 0;
  return { read: () => (reads[begun++] ?? hangs)(), begun: () => begun };
};

test('a read that hangs keeps nobody: the next one begins beside it', async () => {
  const { read, begun } = inTurn(hangs, async () => 'second');
  expect(await hedged(read)).toBe('second');
  expect(begun()).toBe(2);
});

test('what gives something, or fails, at once is not read again', async () => {
  const good = inTurn(async () => 'first');
  expect(await hedged(good.read)).toBe('first');
  const bad = inTurn(async () => {
    throw new Error('no leader');
  });
  await expect(hedged(bad.read)).rejects.toThrow('no leader');
  expect([good.begun(), bad.begun()]).toEqual([1, 1]);
});

test('a read that fails while another one goes on is no failure', async () => {
  let end: ((value: string) => void) | undefined;
  const first = () => new Promise<string>((resolve) => (end = resolve));
  const { read } = inTurn(first, async () => {
    setImmediate(() => end?.('first after all'));
    throw new Error('no leader');
  });
  expect(await hedged(read)).toBe('first after all');
});
