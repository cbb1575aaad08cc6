import { waitFor } from '@jspolicy/testing';
import { expect, test } from 'vitest';
import { WorkQueue } from './work-queue.ts';

/** A queue whose work ends when the test says so. */
function heldQueue(parallel = 4) {
  const begun: string[] = [];
  const failures: string[] = [];
  const held: { name: string; end(error?: Error): void }[] = [];
  const queue = new WorkQueue({
    parallel,
    work: (name) => {
      begun.push(name);
      return new Promise((resolve, reject) => {
        held.push({ name, end: (error) => (error ? reject(error) : resolve()) });
      });
    },
    onFailure: (name) => failures.push(name),
  });
  const next = () => held.shift();
  queue.start();
  return { queue, begun, failures, next };
}

test('a name is worked on once at a time, and once more after any number of events meanwhile', async () => {
  const { queue, begun, next } = heldQueue();
  for (let i = 0; i < 5; i++) queue.add('a');
  expect(begun).toEqual(['a']);
  next()?.end();
  await waitFor(() => begun.length === 2, { what: 'the second run' });
  next()?.end();
  queue.add('b');
  expect(begun).toEqual(['a', 'a', 'b']);
});

test('several names are worked on at once, the others wait for their turn', async () => {
  const { queue, begun, next } = heldQueue(2);
  for (const name of ['a', 'b', 'c']) queue.add(name);
  expect(begun).toEqual(['a', 'b']);
  next()?.end();
  await waitFor(() => begun.length === 3, { what: 'the third name' });
  expect(begun).toEqual(['a', 'b', 'c']);
});

test('what failed is tried again, and at once after a newer event', async () => {
  const { queue, begun, failures, next } = heldQueue();
  queue.add('a');
  next()?.end(new Error('no'));
  await waitFor(() => begun.length === 2, { what: 'the second try' });
  queue.add('a');
  next()?.end(new Error('no'));
  await waitFor(() => begun.length === 3, { what: 'the third try' });
  expect(failures).toEqual(['a', 'a']);
});

test('stop waits for what runs, starts nothing more, and may be called twice', async () => {
  const { queue, begun, failures, next } = heldQueue(1);
  queue.add('a');
  queue.add('b');
  const stopped = Promise.all([queue.stop(), queue.stop()]);
  queue.add('c');
  next()?.end(new Error('too late'));
  await stopped;
  expect(begun).toEqual(['a']);
  expect(failures).toEqual([]);
});

test('what comes before the start waits for it, each name once', async () => {
  const begun: string[] = [];
  const queue = new WorkQueue({ parallel: 4, work: async (name) => void begun.push(name), onFailure: () => undefined });
  for (const name of ['a', 'b', 'a']) queue.add(name);
  expect(begun).toEqual([]);
  queue.start();
  await waitFor(() => begun.length === 2, { what: 'both' });
  await queue.stop();
  expect(begun).toEqual(['a', 'b']);
});
