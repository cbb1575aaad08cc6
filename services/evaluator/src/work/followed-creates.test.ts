import type { HostFunctions } from '@jspolicy/sandbox';
import { expect, test } from 'vitest';
import { FollowedCreates } from './followed-creates.ts';

const MAPS = { group: '', kind: 'ConfigMap' };
const DEPLOYMENTS = { group: 'apps', kind: 'Deployment' };
const { signal } = new AbortController();

/** What becomes of a create(): as the host functions tell it. */
type Outcome = 'made' | 'taken' | 'unreachable' | 'cut off';

interface Create {
  policy?: string;
  followed?: typeof MAPS;
  outcome?: Outcome;
}

function boundOf(perHour: number) {
  const refused: string[] = [];
  let created = 0;
  const host: HostFunctions = {
    print: () => undefined,
    call: async ({ args }) => {
      const { outcome } = args[0] as { outcome: Outcome };
      if (outcome === 'taken') return { ok: false, reason: 'AlreadyExists', message: 'there is one' };
      if (outcome !== 'made') throw new Error(outcome);
      return { ok: true, object: { number: ++created } };
    },
  };
  const bound = new FollowedCreates({ perHour, onRefused: (policy) => refused.push(policy) });
  const create = (apiVersion: string, kind: string, { policy = 'a', followed = MAPS, outcome = 'made' }: Create = {}) =>
    bound
      .bounded(host, policy, followed)
      .call(
        { name: 'create', args: [{ apiVersion, kind, outcome }] },
        outcome === 'cut off' ? AbortSignal.abort() : signal,
      );
  return { create, refused, made: () => created };
}

test('what a policy creates of a kind that it follows is bounded, and told once', async () => {
  const { create, refused, made } = boundOf(3);
  for (let i = 0; i < 3; i++) await create('v1', 'ConfigMap');
  for (let i = 0; i < 3; i++)
    await expect(create('v1', 'ConfigMap')).rejects.toMatchObject({
      reason: 'TooManyCreates',
      message: expect.stringContaining('FOLLOWED_CREATES_PER_HOUR'),
    });
  expect(made()).toBe(3);
  expect(refused).toEqual(['a']);
  // Each policy has its own.
  await create('v1', 'ConfigMap', { policy: 'b' });
});

test('other kinds, what was not created, and everything without a bound do not count', async () => {
  const { create, refused, made } = boundOf(1);
  await create('v1', 'Secret');
  await create('example.com/v1', 'ConfigMap');
  await create('v1', 'Deployment', { followed: DEPLOYMENTS });
  for (let i = 0; i < 3; i++)
    expect(await create('v1', 'ConfigMap', { outcome: 'taken' })).toMatchObject({ reason: 'AlreadyExists' });
  for (let i = 0; i < 3; i++)
    await expect(create('v1', 'ConfigMap', { outcome: 'unreachable' })).rejects.toThrow('unreachable');
  await create('v1', 'ConfigMap');
  await expect(create('v1', 'ConfigMap')).rejects.toMatchObject({ reason: 'TooManyCreates' });
  await expect(create('apps/v1', 'Deployment', { followed: DEPLOYMENTS })).rejects.toMatchObject({
    reason: 'TooManyCreates',
  });
  expect(refused).toEqual(['a']);
  expect(made()).toBe(4);
  const without = boundOf(0);
  for (let i = 0; i < 100; i++) await without.create('v1', 'ConfigMap');
});

test('what was cut off may have been created, and counts', async () => {
  const { create, refused } = boundOf(1);
  await expect(create('v1', 'ConfigMap', { outcome: 'cut off' })).rejects.toThrow('cut off');
  await expect(create('v1', 'ConfigMap')).rejects.toMatchObject({ reason: 'TooManyCreates' });
  expect(refused).toEqual(['a']);
});
