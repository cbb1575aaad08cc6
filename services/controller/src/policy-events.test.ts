import type { JsPolicy, JsPolicyStatus } from '@jspolicy/contracts';
import { type Cluster, connectApiServer } from '@jspolicy/kube';
import { createLogger } from '@jspolicy/runtime';
import { kubeForTest, kubeRequest, waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ControllerStack, policyPath, startStack, untilLeading } from './controller-stack.test-part.ts';
import { PolicyEvents } from './policy-events.ts';
import { Writes } from './writes.ts';

const NAME = 'told.controller.example';

describe('a policy that fails and is mended', () => {
  let stack: ControllerStack;
  beforeAll(async () => {
    stack = await startStack();
    await stack.startCompiler();
    await untilLeading(stack, await stack.startController());
  });
  afterAll(() => stack?.stop());

  test('has an event for each, and none while all is well', async () => {
    await stack.create(NAME, { javascript: 'deny("no")' });
    await stack.status(NAME, 'Synced');
    await stack.call('PATCH', policyPath(NAME), { spec: { javascript: 'if (' } });
    const { metadata } = await stack.status(NAME, 'Failed');
    const [failed, ...more] = await waitFor(
      async () => {
        const events = await stack.eventsOf(NAME);
        return events.length > 0 && events;
      },
      { what: 'an event' },
    );
    expect(more).toEqual([]);
    expect(failed).toMatchObject({
      type: 'Warning',
      reason: 'CompileFailed',
      message: expect.stringContaining('error bundling javascript'),
      count: 1,
      source: { component: 'jspolicy' },
      involvedObject: { kind: 'JsPolicy', apiVersion: 'policy.jspolicy.com/v1beta1', name: NAME, uid: metadata.uid },
    });
    await stack.call('PATCH', policyPath(NAME), { spec: { javascript: 'deny("again")' } });
    await stack.status(NAME, 'Synced');
    const mended = await waitFor(
      async () => (await stack.eventsOf(NAME)).find(({ type }: { type: string }) => type === 'Normal'),
      { what: 'the event that it is in force again' },
    );
    expect(mended).toMatchObject({ reason: 'InForce', count: 1 });
  });
});

describe('events of one policy', () => {
  let kube: Awaited<ReturnType<typeof kubeForTest>>;
  let cluster: Cluster & { close(): void };
  const log = createLogger({ service: 'test', level: 'silent' });
  const writes: string[] = [];
  const signal = new AbortController().signal;
  const status = (message?: string): JsPolicyStatus => ({
    conditions: [
      message === undefined
        ? { type: 'BundleCompiled', status: 'True', lastTransitionTime: '' }
        : { type: 'BundleCompiled', status: 'False', reason: 'CompileFailed', message, lastTransitionTime: '' },
    ],
  });
  const policy = (before: JsPolicyStatus): JsPolicy => ({
    apiVersion: 'policy.jspolicy.com/v1beta1',
    kind: 'JsPolicy',
    metadata: { name: NAME, uid: 'u' },
    spec: { operations: ['CREATE'], resources: ['pods'] },
    status: before,
  });
  const events = async () => (await kubeRequest(kube, 'GET', '/api/v1/namespaces/default/events')).body.items;
  const start = () =>
    new PolicyEvents({
      cluster,
      writes: new Writes(cluster, { signal, onWrite: (verb, kind) => writes.push(`${verb} ${kind}`) }),
      log,
    });

  beforeAll(async () => {
    kube = await kubeForTest();
    cluster = await connectApiServer({ kubeconfig: kube.kubeconfigPath, log, namespace: 'jspolicy' });
  });
  afterAll(async () => {
    cluster?.close();
    await kube?.stop();
  });

  test('a hundred changes are a few writes, and the next leader counts on', async () => {
    const first = start();
    first.tell(policy(status()), status('one'));
    await waitFor(() => writes.length === 1, { what: 'the first event at once' });
    for (let turn = 0; turn < 50; turn++) {
      first.tell(policy(status('one')), status());
      first.tell(policy(status()), status('one'));
    }
    // The same again is none.
    first.tell(policy(status('one')), status('one'));
    await waitFor(async () => (await events()).length === 2, { what: 'what waited' });
    await waitFor(async () => (await events()).some(({ count }: { count: number }) => count === 51), {
      what: 'the count of the failure',
    });
    first.stop();
    const second = start();
    second.tell(policy(status()), status('one'));
    await waitFor(async () => (await events()).some(({ count }: { count: number }) => count === 52), {
      what: 'the next leader to count on',
    });
    second.stop();
    expect(writes.filter((write) => write.startsWith('update'))).toHaveLength(2);
    expect(
      (await events()).map(({ reason, count }: { reason: string; count: number }) => [reason, count]).sort(),
    ).toEqual([
      ['CompileFailed', 52],
      ['InForce', 50],
    ]);
  });
});
