import type { KubeObject } from '@jspolicy/contracts';
import { waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type ControllerProcess,
  type ControllerStack,
  policyPath,
  startStack,
  untilLeading,
  WEBHOOKS,
} from './controller-stack.test-part.ts';

const NAME = 'mended.controller.example';
const VALIDATING = `${WEBHOOKS}/validatingwebhookconfigurations`;

let stack: ControllerStack;
let controller: ControllerProcess;
let made: KubeObject;

beforeAll(async () => {
  stack = await startStack();
  await stack.startCompiler();
  controller = await stack.startController();
  await untilLeading(stack, controller);
  await stack.create(NAME, { javascript: 'deny("no")' });
  await stack.status(NAME, 'Synced');
  made = await only();
});
afterAll(() => stack?.stop());

/** Every configuration that calls the policy, whoever owns it. */
async function all(): Promise<KubeObject[]> {
  const { items } = await stack.get(VALIDATING);
  return items.filter(({ metadata }: KubeObject) => metadata.name.startsWith(NAME));
}
async function only(): Promise<KubeObject> {
  const [found, ...more] = await all();
  if (!found || more.length > 0) throw new Error(`one configuration is wanted, there are ${more.length + 1}`);
  return found;
}
const told = ({ metadata, webhooks }: KubeObject) => {
  const { name, labels, annotations, ownerReferences } = metadata;
  return { name, labels, annotations, ownerReferences, webhooks };
};
const mended = () =>
  waitFor(
    async () => {
      const found = await all();
      return found.length === 1 && JSON.stringify(told(found[0] as KubeObject)) === JSON.stringify(told(made));
    },
    { what: 'the configuration to be as it was' },
  );

describe('a webhook configuration that is edited by hand is put back', () => {
  const weaker = (change: object) => [{ ...(made['webhooks'] as object[])[0], ...change }];

  test.each([
    ['failurePolicy', () => ({ webhooks: weaker({ failurePolicy: 'Ignore' }) })],
    ['rules', () => ({ webhooks: weaker({ rules: [] }) })],
    ['matchConditions', () => ({ webhooks: weaker({ matchConditions: [{ name: 'never', expression: 'false' }] }) })],
    ['a second entry', () => ({ webhooks: [...weaker({}), ...weaker({ name: 'a.second.entry' })] })],
    ['labels and annotations', () => ({ metadata: { labels: { other: '1', team: null }, annotations: null } })],
    ['the owner', () => ({ metadata: { ownerReferences: null } })],
    [
      'the owner, and what it asks about',
      () => ({ metadata: { ownerReferences: [] }, webhooks: weaker({ rules: [] }) }),
    ],
  ])('%s', async (_what, edit) => {
    const edited = await stack.call('PATCH', `${VALIDATING}/${made.metadata.name}`, edit());
    expect(edited.status).toBe(200);
    await mended();
  });

  test('a copy of it goes', async () => {
    const copy = { ...made, metadata: { ...made.metadata, name: `${NAME}-abcde` } };
    const { resourceVersion: _, uid: __, ...metadata } = copy.metadata;
    expect((await stack.call('POST', VALIDATING, { ...copy, metadata })).status).toBe(201);
    await waitFor(async () => (await all()).length === 1, { what: 'one to be left' });
    made = await only();
  });
});

test('while the policy changes there is one configuration at every moment, the same, written once for each change', async () => {
  const writes = await controller.writes('WebhookConfiguration');
  const seen = new Set<string>();
  let watching = true;
  const watcher = (async () => {
    while (watching) seen.add((await all()).map(({ metadata }) => metadata.uid).join());
  })();
  for (let round = 1; round <= 5; round++) {
    await stack.call('PATCH', policyPath(NAME), {
      spec: { javascript: `deny("${round}")`, timeoutSeconds: round, resources: ['configmaps', `things${round}`] },
    });
    await stack.status(NAME, 'Synced');
  }
  watching = false;
  await watcher;
  expect([...seen]).toEqual([made.metadata.uid]);
  expect((await controller.writes('WebhookConfiguration')) - writes).toBe(5);
});
