import { describe, expect, it } from 'vitest';
import { Slots } from './slots.ts';

function work() {
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { end, run: () => ended };
}

describe('Slots', () => {
  it('runs at most so many at once, in the order of their coming', async () => {
    const slots = new Slots(1);
    const [first, order] = [work(), [] as string[]];
    const one = slots.use(1000, first.run).then(() => order.push('one'));
    const two = slots.use(1000, async () => order.push('two'));
    const three = slots.use(1000, async () => order.push('three'));
    expect(order).toEqual([]);
    first.end();
    await Promise.all([one, two, three]);
    expect(order.toSorted()).toEqual(['one', 'three', 'two']);
    expect(order.indexOf('two')).toBeLessThan(order.indexOf('three'));
  });

  it('gives up when the time is over, and the slot is not lost', async () => {
    const slots = new Slots(1);
    const first = work();
    const one = slots.use(1000, first.run);
    await expect(slots.use(1, async () => undefined)).rejects.toMatchObject({ code: 'DEADLINE_PASSED' });
    first.end();
    await one;
    await expect(slots.use(1000, async () => 'again')).resolves.toBe('again');
  });

  it('a piece of work that fails gives its slot back', async () => {
    const slots = new Slots(1);
    await expect(slots.use(1000, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await expect(slots.use(1000, async () => 'again')).resolves.toBe('again');
  });
});
