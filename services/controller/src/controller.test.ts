import { waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  bundlePath,
  type ControllerStack,
  policyPath,
  startStack,
  untilLeading,
  WEBHOOKS,
} from './controller-stack.test-part.ts';

const NAME = 'keeps.controller.example';

let stack: ControllerStack;
let controller: Awaited<ReturnType<ControllerStack['startController']>>;

beforeAll(async () => {
  stack = await startStack();
  await stack.startCompiler();
  controller = await stack.startController();
  await untilLeading(stack, controller);
});
afterAll(() => stack?.stop());

describe('a policy', () => {
  test('gets a bundle, a record, a webhook configuration and a status', async () => {
    await stack.create(NAME, { javascript: 'deny("no")' });
    const { status: found, metadata } = await stack.status(NAME, 'Synced');
    expect(found.conditions.map(({ type, status: is }: { type: string; status: string }) => `${type} ${is}`)).toEqual([
      'Ready True',
      'BundleCompiled True',
      'WebhookReady True',
    ]);
    expect(found.bundleHash).toMatch(/^[0-9a-f]{64}$/);
    const record = await stack.bus.policies.get(NAME);
    expect(record).toMatchObject({ name: NAME, uid: metadata.uid, type: 'Validating', violationPolicy: 'Deny' });
    expect((await stack.bus.bundles.get(record?.bundle?.digest ?? ''))?.script).toContain('deny("no")');
    const bundle = await stack.get(bundlePath(NAME));
    expect(bundle.metadata.ownerReferences[0]).toMatchObject({
      kind: 'JsPolicy',
      controller: true,
      blockOwnerDeletion: true,
    });
  });

  test('its webhook configuration is complete, with labels and annotations of the policy', async () => {
    const [webhook, ...more] = await stack.webhooksOf(NAME);
    expect(more).toEqual([]);
    expect(webhook?.metadata.name).toMatch(/^keeps\.controller\.example-[a-z]{5}$/);
    expect(webhook?.metadata).toMatchObject({ labels: { team: 'a' }, annotations: { note: 'b' } });
    expect(webhook?.['webhooks']).toEqual([
      {
        name: NAME,
        clientConfig: { url: `https://127.0.0.1:9/policy/${NAME}`, caBundle: expect.any(String) },
        rules: [
          { operations: ['CREATE'], apiGroups: ['*'], apiVersions: ['*'], resources: ['configmaps'], scope: '*' },
        ],
        failurePolicy: 'Fail',
        matchPolicy: 'Equivalent',
        namespaceSelector: {},
        objectSelector: {},
        sideEffects: 'None',
        timeoutSeconds: 10,
        admissionReviewVersions: ['v1'],
        matchConditions: [
          {
            name: 'not-in-the-namespace-of-jspolicy',
            expression: "!has(request.namespace) || request.namespace != 'jspolicy'",
          },
        ],
      },
    ]);
  });

  test('an edit that does not compile fails the status; the webhook and the record stay', async () => {
    const before = await stack.webhooksOf(NAME);
    const record = await stack.bus.policies.get(NAME);
    await stack.call('PATCH', policyPath(NAME), {
      metadata: { labels: { team: 'other' } },
      spec: { javascript: 'if (', resources: ['secrets'], violationPolicy: 'Dry' },
    });
    const { status: found } = await stack.status(NAME, 'Failed');
    expect(found).toMatchObject({
      reason: 'CompileFailed',
      message: expect.stringContaining('error bundling javascript'),
    });
    expect(found.conditions[1]).toMatchObject({ type: 'BundleCompiled', status: 'False', severity: 'Error' });
    expect(await stack.webhooksOf(NAME)).toEqual(before);
    expect(await stack.bus.policies.get(NAME)).toEqual(record);
    await stack.call('PATCH', policyPath(NAME), {
      spec: { javascript: 'deny("again")', resources: ['configmaps'], violationPolicy: 'Deny' },
    });
    await stack.status(NAME, 'Synced');
  });

  test('its webhook configuration comes back when it is edited or deleted by hand', async () => {
    const [webhook] = await stack.webhooksOf(NAME);
    await stack.call('PATCH', `${WEBHOOKS}/validatingwebhookconfigurations/${webhook?.metadata.name}`, {
      webhooks: [],
    });
    await waitFor(async () => (await stack.webhooksOf(NAME))[0]?.['webhooks'] !== undefined, {
      what: 'the webhook to be mended',
    });
    await stack.call('DELETE', `${WEBHOOKS}/validatingwebhookconfigurations/${webhook?.metadata.name}`);
    await waitFor(async () => (await stack.webhooksOf(NAME)).length === 1, { what: 'the webhook to be made again' });
  });

  test('a policy that writes is asked in dry runs too, and promises to write nothing then', async () => {
    const sideEffects = async () =>
      (await stack.webhooksOf(NAME)).map(({ webhooks }) => Object(webhooks)[0].sideEffects);
    const javascript = 'remove(request.object)';
    await stack.call('PATCH', policyPath(NAME), { spec: { javascript } });
    await waitFor(async () => (await sideEffects())[0] === 'NoneOnDryRun', { what: 'NoneOnDryRun' });
    await stack.call('PATCH', policyPath(NAME), { spec: { javascript: 'deny("again")' } });
    await waitFor(async () => (await sideEffects())[0] === 'None', { what: 'None' });
    expect(await sideEffects()).toEqual(['None']);
  });

  test('costs three writes, and at rest none', async () => {
    const name = 'counted.controller.example';
    const before = await controller.writes();
    await stack.create(name, { javascript: 'deny("counted")' });
    await stack.status(name, 'Synced');
    expect((await controller.writes()) - before).toBe(3);
    // A record that is gone comes back when the policy is looked at again: the look that must not write.
    await stack.bus.policies.remove(name);
    await stack.call('PATCH', policyPath(name), { metadata: { labels: { looked: 'at' } } });
    await waitFor(() => stack.bus.policies.get(name), { what: 'the record to be put again' });
    await waitFor(async () => (await stack.webhooksOf(name))[0]?.metadata.labels?.['looked'], { what: 'the label' });
    expect((await controller.writes()) - before).toBe(4);
    await stack.bus.policies.remove(name);
    await stack.call('PATCH', policyPath(name), { metadata: { finalizers: ['test.example/looked'] } });
    await waitFor(() => stack.bus.policies.get(name), { what: 'the record to be put again' });
    await stack.call('PATCH', policyPath(name), { metadata: { finalizers: [] } });
    expect((await controller.writes()) - before).toBe(4);
  });

  test('a Mutating one has the other kind of configuration', async () => {
    const name = 'mutates.controller.example';
    await stack.create(name, {
      type: 'Mutating',
      javascript: 'mutate(request.object)',
      failurePolicy: 'Ignore',
      timeoutSeconds: 3,
    });
    await stack.status(name, 'Synced');
    expect(await stack.webhooksOf(name)).toEqual([]);
    const [webhook] = await stack.webhooksOf(name, 'mutatingwebhookconfigurations');
    expect(webhook?.['webhooks']).toMatchObject([
      { reinvocationPolicy: 'Never', failurePolicy: 'Ignore', timeoutSeconds: 3 },
    ]);
  });

  test('whose javascript is taken away keeps its last bundle in force, and gets its next code', async () => {
    const name = 'taken.controller.example';
    await stack.create(name, { javascript: 'deny("last")' });
    await stack.status(name, 'Synced');
    const before = await stack.bus.policies.get(name);
    const webhooks = await stack.webhooksOf(name);
    const bundle = await stack.get(bundlePath(name));
    for (const javascript of ['', null]) {
      await stack.call('PATCH', policyPath(name), { spec: { javascript } });
      const { status } = await stack.status(name, 'Synced');
      expect(status).not.toHaveProperty('reason');
      expect(await stack.webhooksOf(name)).toEqual(webhooks);
      expect((await stack.bus.policies.get(name))?.bundle).toEqual(before?.bundle);
      expect((await stack.get(bundlePath(name))).spec).toEqual(bundle.spec);
    }
    await stack.call('PATCH', policyPath(name), { spec: { javascript: 'deny("next")' } });
    await stack.status(name, 'Synced');
    const digest = async () => (await stack.bus.policies.get(name))?.bundle?.digest ?? '';
    await waitFor(async () => (await digest()) !== before?.bundle?.digest, {
      what: 'the next code',
    });
    expect((await stack.bus.bundles.get(await digest()))?.script).toContain('deny("next")');
  });

  test('with UPDATE_WEBHOOK=false the configurations of our own kinds are left alone, and those of policies are kept', async () => {
    const own = `${WEBHOOKS}/validatingwebhookconfigurations/jspolicy`;
    const makes = async (name: string) => {
      await stack.create(name, { javascript: 'deny("x")' });
      await stack.status(name, 'Synced');
      expect(await stack.webhooksOf(name)).toHaveLength(1);
    };
    await makes('no-own.controller.example');
    expect((await stack.call('GET', own)).status).toBe(404);
    expect((await stack.call('GET', own.replace('validating', 'mutating'))).status).toBe(404);
    // What somebody else has there, a chart for instance, stays as it is.
    const configuration = { apiVersion: 'admissionregistration.k8s.io/v1', kind: 'ValidatingWebhookConfiguration' };
    const metadata = { name: 'jspolicy', labels: { of: 'a-chart' } };
    const { body: made } = await stack.call('POST', own.replace(/\/jspolicy$/, ''), { ...configuration, metadata });
    await makes('by-others.controller.example');
    expect(await stack.get(own)).toEqual(made);
    await stack.call('DELETE', own);
  });

  test('may have a name as long as names are', async () => {
    // Where it is cut for the suffix there is a dot.
    const name = `xy${'long.'.repeat(50)}z`;
    await stack.create(name, { javascript: 'deny("x")' });
    await stack.status(name, 'Synced');
    const [webhook] = await stack.webhooksOf(name);
    expect(webhook?.metadata.name).toMatch(/^xylong\.long.*[a-z]-[a-z]{5}$/);
    expect(webhook?.['webhooks']).toMatchObject([{ name }]);
    expect(await stack.bus.policies.get(name)).toMatchObject({ name });
  });

  test('without javascript and bundle it is BundleMissing, and has no webhook', async () => {
    const name = 'missing.controller.example';
    await stack.create(name, {});
    const { status: found } = await stack.status(name, 'Failed');
    expect(found).toMatchObject({
      reason: 'BundleMissing',
      message: "couldn't find js policy bundle, but no javascript provided",
    });
    expect(await stack.webhooksOf(name)).toEqual([]);
  });

  test('that is deleted takes everything with it', async () => {
    await stack.call('DELETE', policyPath(NAME));
    await waitFor(async () => (await stack.webhooksOf(NAME)).length === 0 && !(await stack.bus.policies.get(NAME)), {
      what: 'all to be gone',
    });
    await waitFor(async () => (await stack.call('GET', bundlePath(NAME))).status === 404, {
      what: 'the bundle to be gone',
    });
  });
});
