import { waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type ControllerProcess,
  type ControllerStack,
  policyPath,
  startStack,
  untilLeading,
} from './controller-stack.test-part.ts';

const NAME = 'one.engine.example';
const URLS = { one: 'https://127.0.0.1:11', two: 'https://127.0.0.1:12' };
type Namespace = keyof typeof URLS;
interface Engine {
  namespace: Namespace;
  controller: ControllerProcess;
}

let stack: ControllerStack;

beforeAll(async () => {
  stack = await startStack();
  await stack.startCompiler();
});
afterAll(() => stack?.stop());

const start = async (namespace: Namespace) => ({
  namespace,
  controller: await stack.startController({ KUBE_NAMESPACE: namespace, WEBHOOK_URL: URLS[namespace] }),
});
const waitsFor = async ({ controller }: Engine, { namespace }: Engine) =>
  (await controller.readiness()).startsWith(
    `not ready: another engine works in this cluster, in the namespace ${namespace}: `,
  );
const called = async (): Promise<string[]> =>
  (await stack.webhooksOf(NAME)).map((object) => {
    const [webhook] = object['webhooks'] as { clientConfig: { url: string } }[];
    return webhook?.clientConfig.url.replace(/\/policy\/.*/, '') ?? '';
  });
const enforced = async (spec: object) => {
  await stack.call('PATCH', policyPath(NAME), { spec });
  await stack.status(NAME, 'Synced');
};

let working: Engine;
let waiting: Engine;

test('of two that begin at once one works', async () => {
  const [one, two] = await Promise.all([start('one'), start('two')]);
  const pairs = [
    [one, two],
    [two, one],
  ] as const;
  const [first, second] = await waitFor(
    async () => {
      for (const [a, b] of pairs) if (await waitsFor(b, a)) return [a, b] as const;
      return undefined;
    },
    { what: 'one to wait for the other' },
  );
  [working, waiting] = [first, second];
  await untilLeading(stack, working.controller);
  expect(await working.controller.readiness()).toBe('ok\n');
});

test('one that waits writes nothing, says so, and works when the other has ended', async () => {
  await stack.create(NAME, { javascript: 'deny()' });
  await stack.status(NAME, 'Synced');
  const written = await waiting.controller.writes();
  // Both are told of it, and one does something.
  await enforced({ javascript: 'deny("changed")', operations: ['CREATE', 'UPDATE'] });
  expect(await called()).toEqual([URLS[working.namespace]]);
  expect(await waiting.controller.writes()).toBe(written);
  const { lines } = waiting.controller.child;
  expect(lines.join('\n')).toMatch(new RegExp(`"engine":"${working.namespace}".*this one writes nothing`));

  await working.controller.child.stop();
  await waitFor(() => waiting.controller.leads(), { what: 'the other one to work', timeoutMs: 120_000 });
  await waitFor(async () => (await called())[0] === URLS[waiting.namespace], { what: 'its configuration' });
  await waitFor(async () => (await waiting.controller.readiness()) === 'ok\n', { what: 'it to be ready' });
}, 240_000);

test('one that comes back does not take it away again', async () => {
  const late = await start(working.namespace);
  expect(await waitsFor(late, waiting)).toBe(true);
  await enforced({ javascript: 'deny("again")' });
  expect(await called()).toEqual([URLS[waiting.namespace]]);
  expect(await late.controller.writes()).toBe(0);
});
