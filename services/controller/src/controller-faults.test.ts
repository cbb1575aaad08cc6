import { gzipSync } from 'node:zlib';
import { type Bundle, bundleDigest } from '@jspolicy/contracts';
import { waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  bundlePath,
  type ControllerStack,
  KINDS,
  policyPath,
  startStack,
  untilLeading,
  WEBHOOKS,
} from './controller-stack.test-part.ts';

type Controller = Awaited<ReturnType<ControllerStack['startController']>>;
type Compiler = Awaited<ReturnType<ControllerStack['startCompiler']>>;

let stack: ControllerStack;
let controller: Controller;
let compiler: Compiler;
const SETTINGS = { COMPILE_TIMEOUT: '10', UNUSED_BUNDLE_SECONDS: '1' };

beforeAll(async () => {
  stack = await startStack();
  compiler = await stack.startCompiler();
  controller = await stack.startController(SETTINGS);
  await untilLeading(stack, controller);
});
afterAll(() => stack?.stop());

/** Ends the leader as an administrator does; the next one starts from what the cluster and NATS hold. */
const startAgain = async () => {
  await controller.child.stop();
  controller = await stack.startController(SETTINGS);
  await untilLeading(stack, controller);
};
const putBundle = (name: string, bundle: string) =>
  stack.call('POST', `${KINDS}/jspolicybundles`, {
    apiVersion: 'policy.jspolicy.com/v1beta1',
    kind: 'JsPolicyBundle',
    metadata: { name },
    spec: { bundle },
  });
const packed = (script: string) => gzipSync(script).toString('base64');

describe('a bundle that the user made', () => {
  const name = 'handmade.controller.example';

  test('is served, and stays the user’s own', async () => {
    await putBundle(name, packed('deny("made by hand")'));
    await stack.create(name, {});
    await stack.status(name, 'Synced');
    const { bundle } = (await stack.bus.policies.get(name)) ?? {};
    expect((await stack.bus.bundles.get(bundle?.digest ?? ''))?.script).toBe('deny("made by hand")');
    expect((await stack.get(bundlePath(name))).metadata.ownerReferences).toBeUndefined();
  });

  test('that is broken later changes the status and nothing else, also for the next leader', async () => {
    const before = await stack.bus.policies.get(name);
    const webhooks = await stack.webhooksOf(name);
    await stack.call('PATCH', bundlePath(name), { spec: { bundle: 'bm8gZ3ppcA==' } });
    const { status } = await stack.status(name, 'Failed');
    const message = `error decompressing javascript bundle for js policy ${name}`;
    expect(status).toMatchObject({ reason: 'CompileFailed', message });
    await startAgain();
    await stack.call('PATCH', policyPath(name), { spec: { violationPolicy: 'Warn' } });
    await stack.status(name, 'Failed');
    expect(await stack.bus.policies.get(name)).toEqual(before);
    expect(await stack.webhooksOf(name)).toEqual(webhooks);
  });

  test('that never was good leaves a record that says so, and no webhook', async () => {
    const never = 'never.controller.example';
    await putBundle(never, 'bm8gZ3ppcA==');
    await stack.create(never, {});
    // The policy may be seen before its bundle is: until then the bundle is missing.
    await waitFor(async () => (await stack.bus.policies.get(never))?.bundleError === 'undecodable', {
      what: 'the record that says so',
    });
    await stack.status(never, 'Failed');
    expect(await stack.webhooksOf(never)).toEqual([]);
  });
});

test('a bundle that the API server does not take fails the status; the policy is in force, the controller lives', async () => {
  const name = 'refused.controller.example';
  const guard = { apiVersion: 'admissionregistration.k8s.io/v1', metadata: { name: 'no-bundles' } };
  const rule = { apiGroups: ['policy.jspolicy.com'], apiVersions: ['*'], operations: ['*'] };
  await stack.call('POST', `${WEBHOOKS}/validatingadmissionpolicies`, {
    ...guard,
    kind: 'ValidatingAdmissionPolicy',
    spec: {
      matchConstraints: { resourceRules: [{ ...rule, resources: ['jspolicybundles'] }] },
      validations: [{ expression: 'false', message: 'no room' }],
    },
  });
  await stack.call('POST', `${WEBHOOKS}/validatingadmissionpolicybindings`, {
    ...guard,
    kind: 'ValidatingAdmissionPolicyBinding',
    spec: { policyName: 'no-bundles', validationActions: ['Deny'] },
  });
  const guarded = async () => (await putBundle('tried.controller.example', packed('allow()'))).body.message;
  await waitFor(async () => (await guarded()).includes('no room'), { what: 'the guard' });
  await stack.create(name, { javascript: 'deny("refused")' });
  const { status } = await stack.status(name, 'Failed');
  expect(status).toMatchObject({ reason: 'SyncFailed', message: expect.stringContaining('no room') });
  expect(await stack.webhooksOf(name)).toHaveLength(1);
  await stack.call('DELETE', `${WEBHOOKS}/validatingadmissionpolicybindings/no-bundles`);
  await stack.status(name, 'Synced');
  expect(controller.child.exit).toBeUndefined();
});

test('while no compiler runs the status says so, and what is in force stays', async () => {
  const name = 'waits.controller.example';
  await stack.create(name, { javascript: 'deny("one")' });
  await stack.status(name, 'Synced');
  const before = await stack.bus.policies.get(name);
  await compiler.stop();
  await stack.call('PATCH', policyPath(name), { spec: { javascript: 'deny("two")' } });
  const { status } = await stack.status(name, 'Failed');
  expect(status).toMatchObject({
    reason: 'CompileFailed',
    message: 'error bundling javascript: no compiler is running, or none is ready',
  });
  expect(await stack.bus.policies.get(name)).toEqual(before);
  compiler = await stack.startCompiler();
  await stack.status(name, 'Synced');
  expect((await stack.bus.policies.get(name))?.bundle?.digest).not.toBe(before?.bundle?.digest);
});

test('what NATS lost is put there again', async () => {
  const name = 'lost.controller.example';
  await stack.create(name, { javascript: 'deny("lost")' });
  await stack.status(name, 'Synced');
  const before = await stack.bus.policies.get(name);
  await stack.loseNats();
  const after = await waitFor(() => stack.bus.policies.get(name), { what: 'the record' });
  expect(after).toEqual(before);
  expect((await stack.bus.bundles.get(after.bundle?.digest ?? ''))?.script).toContain('deny("lost")');
});

test('what policies left behind that went while nobody led is removed by the next leader', async () => {
  const [gone, stays] = ['left.controller.example', 'stays.controller.example'];
  for (const name of [gone, stays]) {
    await stack.create(name, { javascript: `deny("${name}")` });
    await stack.status(name, 'Synced');
  }
  const digestOf = async (name: string) => (await stack.bus.policies.get(name))?.bundle?.digest ?? '';
  const [old, used] = [await digestOf(gone), await digestOf(stays)];
  const never = await stack.bus.bundles.get(old);
  const described = { ...(never as Bundle), script: 'never()' };
  const unused = { ...described, digest: bundleDigest(described) };
  await controller.child.stop();
  await stack.bus.bundles.put(unused);
  await stack.call('DELETE', policyPath(gone));
  controller = await stack.startController(SETTINGS);
  await untilLeading(stack, controller);
  await waitFor(async () => (await stack.call('GET', bundlePath(gone))).status === 404, {
    what: 'its object to be gone',
  });
  const left = async () => (await stack.bus.bundles.digests()).filter((each) => [old, unused.digest].includes(each));
  await waitFor(async () => (await left()).length === 0, { what: 'unused bundles to be gone' });
  expect(await stack.bus.policies.get(gone)).toBeUndefined();
  expect((await stack.bus.bundles.get(used))?.script).toContain(stays);
});

test('objects of the engine’s own namespace and kinds pass by a policy that matches everything', async () => {
  const name = 'all.controller.example';
  const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } };
  const make = (namespace: string) => stack.call('POST', `/api/v1/namespaces/${namespace}/configmaps`, configMap);
  await stack.call('POST', '/api/v1/namespaces', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'jspolicy' },
  });
  // Its gateway does not exist: whatever passes through it is refused.
  await stack.create(name, { operations: ['*'], resources: ['*'], javascript: 'allow()', timeoutSeconds: 1 });
  const label = (namespace: string) =>
    stack.call('PATCH', `/api/v1/namespaces/${namespace}`, { metadata: { labels: { a: 'b' } } });
  // Webhooks of the policies before stand for some kinds still; for namespaces there is this one alone.
  await waitFor(async () => (await label('default')).status === 500, { what: 'the webhook to be in force' });
  expect((await make('default')).status).toBe(500);
  expect((await make('jspolicy')).status).toBe(201);
  expect((await label('jspolicy')).status).toBe(200);
  expect((await stack.call('PATCH', policyPath(name), { metadata: { labels: { a: 'b' } } })).status).toBe(200);
  await stack.status(name, 'Synced');
  expect((await stack.call('DELETE', policyPath(name))).status).toBe(200);
  await waitFor(async () => (await stack.webhooksOf(name)).length === 0, { what: 'the webhook to be gone' });
});

describe('of two controllers', () => {
  let second: Controller;

  test('the other one goes on when the leader is asked to end', async () => {
    second = await stack.startController(SETTINGS);
    expect(second.leads()).toBe(false);
    controller.child.kill('SIGTERM');
    expect(await controller.child.exited).toMatchObject({ code: 0 });
    await stack.create('second.controller.example', { javascript: 'allow()' });
    await stack.status('second.controller.example', 'Synced');
    expect(second.leads()).toBe(true);
  });

  test('the other one goes on when the leader is killed', async () => {
    const third = await stack.startController(SETTINGS);
    second.child.kill('SIGKILL');
    await second.child.exited;
    await stack.create('third.controller.example', { javascript: 'allow()' });
    // The Lease of the dead one must run out first: 15 s.
    await stack.status('third.controller.example', 'Synced');
    expect(third.leads()).toBe(true);
  });
});
