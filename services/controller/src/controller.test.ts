import { resolve } from 'node:path';
import { type Bus, connectBus } from '@jspolicy/bus';
import type { KubeObject } from '@jspolicy/contracts';
import { createLogger } from '@jspolicy/runtime';
import {
  type KubeApiServer,
  kubeForTest,
  kubeRequest,
  natsForTest,
  startProcess,
  type TempDir,
  type TestNats,
  type TestProcess,
  tempDir,
  waitFor,
} from '@jspolicy/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const SERVICES = resolve(import.meta.dirname, '../..');
const CRDS = resolve(SERVICES, '../k8s/crds');
const KINDS = '/apis/policy.jspolicy.com/v1beta1';
const WEBHOOKS = '/apis/admissionregistration.k8s.io/v1';
const NAME = 'keeps.controller.example';

let kube: KubeApiServer;
let nats: TestNats;
let dir: TempDir;
let bus: Bus;
const started: TestProcess[] = [];

const start = async (service: string, env: Record<string, string>) => {
  const child = await startProcess(process.execPath, [resolve(SERVICES, service, 'dist/main.js')], {
    env: { NATS_URL: nats.url, ...env },
    readyWhen: /"msg":"ready"/,
  });
  started.push(child);
  return child;
};
const startController = () =>
  start('controller', {
    KUBECONFIG: kube.kubeconfigPath,
    WEBHOOK_URL: 'https://127.0.0.1:9',
    WEBHOOK_CA_FILE: kube.caFile,
    INSTALL_CRDS: 'true',
    CRDS_DIR: CRDS,
  });
const call = (method: string, path: string, body?: unknown) => kubeRequest(kube, method, path, body);
const get = async (path: string) => (await call('GET', path)).body;
const policyPath = (name: string) => `${KINDS}/jspolicies/${name}`;
const webhooksOf = async (name: string, kind = 'validatingwebhookconfigurations'): Promise<KubeObject[]> =>
  (await get(`${WEBHOOKS}/${kind}`)).items.filter(
    ({ metadata }: KubeObject) => metadata.ownerReferences?.[0]?.name === name,
  );
const status = async (name: string, phase: string) =>
  waitFor(
    async () => {
      const policy = await get(policyPath(name));
      return (
        policy.status?.phase === phase && policy.status?.observedGeneration === policy.metadata.generation && policy
      );
    },
    { what: `${name} to be ${phase}`, timeoutMs: 20_000 },
  );
const policy = (name: string, spec: object) => ({
  apiVersion: 'policy.jspolicy.com/v1beta1',
  kind: 'JsPolicy',
  metadata: { name, labels: { team: 'a' }, annotations: { note: 'b' } },
  spec: { operations: ['CREATE'], resources: ['configmaps'], ...spec },
});

beforeAll(async () => {
  [kube, nats, dir] = await Promise.all([kubeForTest(), natsForTest(), tempDir()]);
  bus = await connectBus({ servers: nats.url, name: 'test', log: createLogger({ service: 'test', level: 'silent' }) });
  await start('compiler', { WORK_DIR: `${dir.path}/work`, CACHE_DIR: `${dir.path}/cache` });
  await startController();
  await waitFor(async () => (await call('GET', `${KINDS}/jspolicies`)).status === 200, { what: 'the kinds' });
});
afterAll(async () => {
  await Promise.all(started.map((child) => child.stop()));
  await bus?.close();
  await nats?.stop();
  await kube?.stop();
  await dir?.remove();
});

describe('a policy', () => {
  test('gets a bundle, a record, a webhook configuration and a status', async () => {
    await call('POST', `${KINDS}/jspolicies`, policy(NAME, { javascript: 'deny("no")' }));
    const { status: found, metadata } = await status(NAME, 'Synced');
    expect(found.conditions.map(({ type, status: is }: { type: string; status: string }) => `${type} ${is}`)).toEqual([
      'Ready True',
      'BundleCompiled True',
      'WebhookReady True',
    ]);
    expect(found.bundleHash).toMatch(/^[0-9a-f]{64}$/);
    const record = await bus.policies.get(NAME);
    expect(record).toMatchObject({ name: NAME, uid: metadata.uid, type: 'Validating', violationPolicy: 'Deny' });
    expect((await bus.bundles.get(record?.bundle?.digest ?? ''))?.script).toContain('deny("no")');
    const bundle = await get(`${KINDS}/jspolicybundles/${NAME}`);
    expect(bundle.metadata.ownerReferences[0]).toMatchObject({
      kind: 'JsPolicy',
      controller: true,
      blockOwnerDeletion: true,
    });
  });

  test('its webhook configuration is complete, with labels and annotations of the policy', async () => {
    const [webhook, ...more] = await webhooksOf(NAME);
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
    const before = await webhooksOf(NAME);
    const record = await bus.policies.get(NAME);
    await call('PATCH', policyPath(NAME), { spec: { javascript: 'if (' } });
    const { status: found } = await status(NAME, 'Failed');
    expect(found).toMatchObject({
      reason: 'CompileFailed',
      message: expect.stringContaining('error bundling javascript'),
    });
    expect(found.conditions[1]).toMatchObject({ type: 'BundleCompiled', status: 'False', severity: 'Error' });
    expect(await webhooksOf(NAME)).toEqual(before);
    expect((await bus.policies.get(NAME))?.bundle).toEqual(record?.bundle);
    await call('PATCH', policyPath(NAME), { spec: { javascript: 'deny("again")' } });
    await status(NAME, 'Synced');
  });

  test('its webhook configuration comes back when it is edited or deleted by hand', async () => {
    const [webhook] = await webhooksOf(NAME);
    await call('PATCH', `${WEBHOOKS}/validatingwebhookconfigurations/${webhook?.metadata.name}`, { webhooks: [] });
    await waitFor(async () => (await webhooksOf(NAME))[0]?.['webhooks'] !== undefined, {
      what: 'the webhook to be mended',
    });
    await call('DELETE', `${WEBHOOKS}/validatingwebhookconfigurations/${webhook?.metadata.name}`);
    await waitFor(async () => (await webhooksOf(NAME)).length === 1, { what: 'the webhook to be made again' });
  });

  test('at rest nothing is written', async () => {
    const versions = async () =>
      [await get(policyPath(NAME)), ...(await webhooksOf(NAME)), await get(`${KINDS}/jspolicybundles/${NAME}`)].map(
        (object) => object.metadata.resourceVersion,
      );
    const before = await versions();
    // An event that changes nothing makes the controller look at the policy again.
    await bus.policies.remove(NAME);
    await call('PATCH', policyPath(NAME), { metadata: { finalizers: [], labels: { team: 'a' } } });
    await startController();
    expect(await versions()).toEqual(before);
  });

  test('a Mutating one has the other kind of configuration', async () => {
    const name = 'mutates.controller.example';
    await call(
      'POST',
      `${KINDS}/jspolicies`,
      policy(name, {
        type: 'Mutating',
        javascript: 'mutate(request.object)',
        failurePolicy: 'Ignore',
        timeoutSeconds: 3,
      }),
    );
    await status(name, 'Synced');
    expect(await webhooksOf(name)).toEqual([]);
    const [webhook] = await webhooksOf(name, 'mutatingwebhookconfigurations');
    expect(webhook?.['webhooks']).toMatchObject([
      { reinvocationPolicy: 'Never', failurePolicy: 'Ignore', timeoutSeconds: 3 },
    ]);
  });

  test('without javascript and bundle it is BundleMissing, and has no webhook', async () => {
    const name = 'missing.controller.example';
    await call('POST', `${KINDS}/jspolicies`, policy(name, {}));
    const { status: found } = await status(name, 'Failed');
    expect(found).toMatchObject({
      reason: 'BundleMissing',
      message: "couldn't find js policy bundle, but no javascript provided",
    });
    expect(await webhooksOf(name)).toEqual([]);
  });

  test('that is deleted takes everything with it', async () => {
    await call('DELETE', policyPath(NAME));
    await waitFor(async () => (await webhooksOf(NAME)).length === 0 && !(await bus.policies.get(NAME)), {
      what: 'all to be gone',
    });
    await waitFor(async () => (await call('GET', `${KINDS}/jspolicybundles/${NAME}`)).status === 404, {
      what: 'the bundle to be gone',
    });
  });
});

test('when the leader ends, another one goes on', async () => {
  const name = 'second.controller.example';
  const leader = started.find((child) => child.lines.some((line) => line.includes('"msg":"leading"')));
  leader?.kill('SIGTERM');
  expect(await leader?.exited).toMatchObject({ code: 0 });
  await call('POST', `${KINDS}/jspolicies`, policy(name, { javascript: 'allow()' }));
  await status(name, 'Synced');
});
