import { waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ControllerStack, policyPath, startStack, untilLeading } from './controller-stack.test-part.ts';

/** Seconds. Longer than any machine takes for the test: a quarantine ends when the test says so. */
const FOR_THE_TEST = 600;

let stack: ControllerStack;
let controller: Awaited<ReturnType<ControllerStack['startController']>>;

beforeAll(async () => {
  stack = await startStack();
  await stack.startCompiler();
  controller = await stack.startController();
  await untilLeading(stack, controller);
});
afterAll(() => stack?.stop());

describe('a policy that evaluators do not evaluate', () => {
  const name = 'waits-long.controller.example';
  const quarantine = (evaluator: string, seconds: number) =>
    stack.bus.quarantines.put({
      schema: 1,
      policy: name,
      evaluator,
      until: new Date(Date.now() + seconds * 1000).toISOString(),
      reason: 'memory',
    });
  const types = ({ conditions }: { conditions: { type: string; status: string }[] }) =>
    conditions.map(({ type, status }) => `${type} ${status}`);

  test('is Failed and says why, with one write however many evaluators tell it', async () => {
    await stack.create(name, { javascript: 'deny("one")' });
    await stack.status(name, 'Synced');
    const before = await controller.writes();
    await quarantine('one', FOR_THE_TEST);
    const { status } = await stack.status(name, 'Failed');
    expect(status).toMatchObject({
      reason: 'Quarantined',
      message: expect.stringContaining('(last: memory): its requests are answered by its failurePolicy'),
    });
    expect(types(status)).toEqual(['Ready False', 'BundleCompiled True', 'WebhookReady True', 'Evaluable False']);
    await quarantine('two', FOR_THE_TEST);
    await stack.call('PATCH', policyPath(name), { metadata: { labels: { looked: 'at' } } });
    await waitFor(async () => (await stack.webhooksOf(name))[0]?.metadata.labels?.['looked'], { what: 'the label' });
    // The status, and the label of the webhook.
    expect((await controller.writes()) - before).toBe(2);
  });

  test('is known to the next leader, which writes nothing, and is Synced again when the last one is over', async () => {
    const before = await stack.get(policyPath(name));
    await controller.child.stop();
    controller = await stack.startController();
    await untilLeading(stack, controller);
    await stack.bus.policies.remove(name);
    // Put again by the first look at the policy.
    await waitFor(() => stack.bus.policies.get(name), { what: 'the policy to be looked at' });
    // A second look is over when its webhook is written, and the first one's status was written or not before that.
    await stack.call('PATCH', policyPath(name), { metadata: { labels: { looked: 'again' } } });
    await waitFor(async () => (await stack.webhooksOf(name))[0]?.metadata.labels?.['looked'] === 'again', {
      what: 'the label',
    });
    expect((await stack.get(policyPath(name))).status).toEqual(before.status);
    // What an evaluator tells last counts: both end now.
    await quarantine('one', 3);
    await quarantine('two', 3);
    const { status } = await stack.status(name, 'Synced');
    expect(types(status)).toEqual(['Ready True', 'BundleCompiled True', 'WebhookReady True']);
    expect(status.reason).toBeUndefined();
  });

  test('and does not compile either tells both', async () => {
    await stack.call('PATCH', policyPath(name), { spec: { javascript: 'if (' } });
    await stack.status(name, 'Failed');
    await quarantine('one', FOR_THE_TEST);
    const both = await waitFor(
      async () => {
        const { status } = await stack.get(policyPath(name));
        return types(status).includes('Evaluable False') && status;
      },
      { what: 'the quarantine to be told' },
    );
    expect(both).toMatchObject({ phase: 'Failed', reason: 'CompileFailed' });
    expect(types(both)).toEqual(['Ready False', 'BundleCompiled False', 'WebhookReady True', 'Evaluable False']);
  });
});
