import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { kubeForTest, kubeRequest, type TempDir, tempDir, waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { jspolicy } from './cli-process.test-part.ts';
import { fact, isEnforced, lineOf, manifest, POLICY, upIn } from './up-process.test-part.ts';

let dir: TempDir;
let kube: Awaited<ReturnType<typeof kubeForTest>>;

beforeAll(async () => {
  dir = await tempDir();
  kube = await kubeForTest();
  await mkdir(join(dir.path, 'manifests'));
  await writeFile(join(dir.path, 'manifests/policy.yaml'), manifest(POLICY, "deny('words of the policy');"));
  await writeFile(
    join(dir.path, 'manifests/warns.yaml'),
    `${manifest('warns.test.example.com', "deny('x');").replace('  resources: ["pods"]', '  resources: ["pod"]')}  violationPolicy: warn\n---\na: [\n`,
  );
});
afterAll(async () => {
  await kube.stop();
  await dir.remove();
});

const WEBHOOKS = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
const createNamespaced = (name: string) =>
  kubeRequest(kube, 'POST', '/api/v1/namespaces/default/pods', {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { containers: [{ name: 'a', image: 'registry.example.com/a:1' }] },
  });
interface Webhook {
  metadata: { name: string; ownerReferences: object[] };
  webhooks: { clientConfig: { url: string; caBundle: string } }[];
}
const webhooks = async () => (await kubeRequest(kube, 'GET', WEBHOOKS)).body.items as Webhook[];

test('against an API server: what is enforced, and nothing in its way when it has ended', async () => {
  const source = ['--kubeconfig', kube.kubeconfigPath, '--manifests', join(dir.path, 'manifests')];
  const run = await upIn(dir.path, source).up('--evaluators', '1');
  try {
    for (const name of [POLICY, 'warns.test.example.com']) await lineOf(run, isEnforced(name));
    expect((await createNamespaced('a')).body.message).toContain('words of the policy');
    const warns = await kubeRequest(kube, 'GET', '/apis/policy.jspolicy.com/v1beta1/jspolicies/warns.test.example.com');
    expect(warns.body.spec.violationPolicy).toBe('Warn');
    expect(run.lines).toContain(
      'warns.test.example.com: warning: spec.resources: pod covers nothing, the resource is named pods',
    );
    expect(run.lines).toContainEqual(expect.stringMatching(/^\S+warns\.yaml:\d+:\d+: .* \(not applied\)$/));
    const registered = await webhooks();
    const own = registered.find(({ metadata }) => metadata.name.startsWith(`${POLICY}-`));
    expect(registered.map(({ metadata }) => metadata.name)).toEqual([
      'jspolicy',
      own?.metadata.name,
      expect.stringMatching(/^warns\./),
    ]);
    // A user's own, made by hand: it belongs to no policy.
    const other = {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: 'by-hand' },
      webhooks: own?.webhooks.map((entry) => ({ ...entry, failurePolicy: 'Ignore' })),
    };
    expect((await kubeRequest(kube, 'POST', WEBHOOKS, other)).status).toBe(201);
    run.kill('SIGINT');
    expect(await run.exited).toEqual({ code: 0, signal: null });
    expect(run.lines).toContain('webhook configurations removed: 4; the next start makes them again');
    expect((await webhooks()).map(({ metadata }) => metadata.name)).toEqual(['by-hand']);
  } finally {
    await run.stop();
  }
});

test('an API server that nobody answers for, and a file that is no kubeconfig, are told once, before anything starts', async () => {
  const file = join(dir.path, 'kubeconfig');
  const whole = await readFile(kube.kubeconfigPath, 'utf8');
  await writeFile(file, whole.replace(/"https:[^"]*"/, '"https://127.0.0.1:1"'));
  const told = '--kubeconfig: the API server does not answer: https://127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1';
  expect(await upIn(dir.path, ['--kubeconfig', file]).upFails()).toEqual({ code: 2, output: told });
  await writeFile(file, 'clusters: [');
  const { code, output } = await upIn(dir.path, ['--kubeconfig', file]).upFails();
  expect([code, output]).toEqual([2, expect.stringMatching(/^\S+kubeconfig is no kubeconfig: .*$/)]);
});

test('what a killed one left in the cluster is removed by its URL', async () => {
  const run = await upIn(dir.path, ['--kubeconfig', kube.kubeconfigPath]).up('--evaluators', '1');
  const url = fact(run, 'Webhook').replace('/policy/<name>', '');
  // Two of policies, two of the engine's own kinds, and the user's own one.
  await waitFor(async () => (await webhooks()).length === 4, { what: 'webhook configurations' });
  run.kill('SIGKILL');
  await run.exited;
  const uninstall = (...args: string[]) => jspolicy(['uninstall', '--kubeconfig', kube.kubeconfigPath, ...args]);
  expect(await uninstall('--webhook-url', 'https://127.0.0.1:1')).toMatchObject({
    stdout: '0 webhook configurations removed\n',
  });
  expect(await uninstall('--webhook-url', url)).toMatchObject({ stdout: '4 webhook configurations removed\n' });
  expect((await webhooks()).map(({ metadata }) => metadata.name)).toEqual(['by-hand']);
  const missing = await jspolicy(['uninstall', '--kubeconfig', '/no/such', '--namespace', 'x']);
  expect(missing).toMatchObject({ code: 2, stderr: 'not removed: there is no kubeconfig /no/such\n' });
  expect(await uninstall()).toMatchObject({ code: 2, stderr: expect.stringContaining('--webhook-url is needed') });
});

test('with an API server that is gone it ends all the same, and says what stays', async () => {
  const run = await upIn(dir.path, ['--kubeconfig', kube.kubeconfigPath]).up('--evaluators', '1');
  try {
    await kube.stop();
    run.kill('SIGINT');
    expect(await run.exited).toEqual({ code: 0, signal: null });
    expect(run.lines).toContainEqual(
      expect.stringMatching(
        /^webhook configurations were not removed \(.*\): .* `jspolicy uninstall --webhook-url https:\/\/127\.0\.0\.1:\d+` /,
      ),
    );
  } finally {
    await run.stop();
  }
});
