import { X509Certificate } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect } from 'node:tls';
import type { KubeObject } from '@jspolicy/contracts';
import { type KubeApiServer, kubeForTest, pod, startProcess, type TempDir, tempDir, waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ApiAudit } from './api-audit.ts';
import { ChartRelease, NAMESPACE } from './chart-release.ts';
import { ClusterClient } from './cluster-client.ts';
import { certificateOfAge, certificateSecret, formerKind, SECRET_PATH } from './former-engine.ts';
import { policy } from './manifests.ts';
import { installReportKinds, REPORTS } from './report-kinds.ts';
import { type Stack, startStack } from './stack.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const KINDS = '/apis/policy.jspolicy.com/v1beta1';
const WEBHOOKS = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
const DENIES = 'denies.rights.example';
const REACTS = 'reacts.rights.example';
const BROKEN = 'broken.rights.example';
const VALUES = [
  'crds.keep=false',
  'policyReports.enabled=true',
  'audit.sinkSecrets=["token"]',
  'audit.sinkRefusedAddresses=["none"]',
  'evaluator.grants.write=[{"apiGroups":[""],"resources":["configmaps"]}]',
];

let directory: TempDir;
let audit: ApiAudit;
let kube: KubeApiServer;
let release: ChartRelease;
let stack: Stack;
let cluster: ClusterClient;
let receiver: Server;
let old: ReturnType<typeof certificateSecret>;
const authorizations: string[] = [];

beforeAll(async () => {
  directory = await tempDir();
  audit = new ApiAudit(directory.path);
  // What is made for a policy names it as its owner: some clusters ask for a right of its own to do so.
  const strict = '--enable-admission-plugins=OwnerReferencesPermissionEnforcement';
  kube = await kubeForTest({ flags: [strict, ...(await audit.flags())] });
  cluster = new ClusterClient(kube);
  for (const name of [NAMESPACE, 'team']) await cluster.createNamespace(name);
  release = await ChartRelease.install(kube, VALUES);
  await installReportKinds(cluster);
  // The controller brings it up to date, and makes the others.
  await cluster.call('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', formerKind('jspolicies.yaml'));
  // More than two thirds of its life are over: it is renewed at once.
  const names = { dnsNames: [`jspolicy.${NAMESPACE}.svc`], ipAddresses: ['127.0.0.1'] };
  old = certificateSecret(await certificateOfAge(20, { ...names, validDays: 5 }), NAMESPACE);
  await cluster.call('POST', `/api/v1/namespaces/${NAMESPACE}/secrets`, old);
  receiver = createServer((request, response) => {
    authorizations.push(request.headers.authorization ?? '');
    void text(request).then(() => response.writeHead(204).end());
  });
  await new Promise<void>((done) => receiver.listen(0, '127.0.0.1', done));
  stack = await startStack({ cluster: { kube }, permissions: true, env: await envOfServices() });
  await cluster.servesKinds();
});
afterAll(async () => {
  await stack?.stop();
  await kube?.stop();
  receiver?.close();
  await release?.remove();
  await directory?.remove();
});

/** As Pods of the chart, with a certificate of the controller's, and without its pauses. */
async function envOfServices() {
  const { gateway, controller, ...others } = await release.envOfAll();
  return {
    ...others,
    gateway: { ...gateway, TLS_CERT_FILE: '', TLS_KEY_FILE: '' },
    controller: { ...controller, WEBHOOK_CA_FILE: '', CERTIFICATE_SETTLE_SECONDS: '1', UNUSED_BUNDLE_SECONDS: '1' },
  };
}

const createPod = (name: string) => cluster.createPod(pod({ name, namespace: 'team' }));
const statusOf = async (path: string) => (await cluster.call('GET', path)).status;
const isGone = (path: string) =>
  waitFor(async () => (await statusOf(path)) === 404, { what: `${path} to be gone`, timeoutMs: 60_000 });
const webhookOf = async (name: string): Promise<KubeObject | undefined> =>
  (await cluster.call('GET', WEBHOOKS)).body.items.find((each: KubeObject) => each.metadata.name.startsWith(name));
const change = async (name: string, spec: object) => {
  expect(await cluster.call('PATCH', `${KINDS}/jspolicies/${name}`, { spec })).toMatchObject({ status: 200 });
};

test('a policy is in force, what it denies is recorded and reported, and it changes', async () => {
  const reads = 'list("Pod", "v1", {namespace: "team"}).length + get("Namespace", "v1", "team").metadata.name';
  await cluster.applyPolicy(policy(DENIES, `deny("one " + ${reads})`));
  const denied = (text: string) =>
    waitFor(async () => (await createPod('a')).body.message?.includes(text), { what: `Pods to be denied: ${text}` });
  await denied('one 0team');
  await cluster.violations(DENIES, 1);
  await waitFor(async () => (await cluster.call('GET', REPORTS)).body.items.length > 0, { what: 'a report' });
  await change(DENIES, { javascript: 'deny("two")', operations: ['CREATE', 'UPDATE'] });
  await denied('two');
}, 120_000);

test('a policy that does not compile has an Event', async () => {
  await cluster.call('POST', `${KINDS}/jspolicies`, policy(BROKEN, 'deny('));
  await waitFor(
    async () => {
      const { items } = (await cluster.call('GET', '/api/v1/events')).body;
      return items.some(({ involvedObject }: { involvedObject: { name: string } }) => involvedObject.name === BROKEN);
    },
    { what: 'the Event' },
  );
  await change(BROKEN, { javascript: 'allow()' });
  await cluster.synced(BROKEN);
});

test('a Controller policy reacts with its grants', async () => {
  const made = '/api/v1/namespaces/team/configmaps/made';
  const code = `
    const map = (data) => ({apiVersion: "v1", kind: "ConfigMap", metadata: {name: "made", namespace: "team"}, data});
    const found = get("ConfigMap", "v1", "team/made", {cache: false});
    const {ok, message} = found ? update({...found, data: {again: "yes"}}) : create(map({first: "yes"}));
    if (!ok) deny(message);`;
  const spec = { type: 'Controller' as const, resources: ['services'], apiGroups: [''], operations: ['CREATE'] };
  await cluster.applyPolicy(policy(REACTS, code, spec));
  await waitFor(async () => (await cluster.call('GET', made)).body.data, { what: 'the ConfigMap' });
});

test('sinks deliver, one with a Secret', async () => {
  const { port } = receiver.address() as AddressInfo;
  await cluster.call('POST', `/api/v1/namespaces/${NAMESPACE}/secrets`, {
    metadata: { name: 'token', labels: { 'policy.jspolicy.com/sink': 'true' } },
    stringData: { token: 'of-the-secret' },
  });
  const webhook = { url: `http://127.0.0.1:${port}/`, bearerTokenSecret: { name: 'token', key: 'token' } };
  const specs = { hook: { type: 'webhook', webhook }, events: { type: 'kubernetes-events' } };
  for (const [name, spec] of Object.entries(specs))
    expect(
      await cluster.call('POST', `${KINDS}/violationsinks`, {
        apiVersion: 'policy.jspolicy.com/v1beta1',
        kind: 'ViolationSink',
        metadata: { name },
        spec: { from: 'All', ...spec },
      }),
    ).toMatchObject({ status: 201 });
  await waitFor(() => authorizations.includes('Bearer of-the-secret'), { what: 'a delivery with the token' });
  const delivered = async (name: string) =>
    (await cluster.call('GET', `${KINDS}/violationsinks/${name}`)).body.status?.delivered > 0;
  await waitFor(() => delivered('events'), { what: 'an Event of a violation' });
});

test('the certificate was renewed, and the gateway serves by the new one', async () => {
  await waitFor(async () => (await secret())['tls.crt'] !== old.data['tls.crt'], { what: 'another certificate' });
  const serving = Buffer.from((await secret())['tls.crt'] ?? '', 'base64');
  await waitFor(async () => (await served()) === new X509Certificate(serving).fingerprint256, {
    what: 'the gateway to serve by it',
  });
});
/** What a new connection gets, whoever signed it. */
const served = () =>
  new Promise<string | undefined>((resolve, reject) => {
    const port = Number(new URL(stack.webhook.url).port);
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerX509Certificate()?.fingerprint256);
      socket.end();
    });
    socket.once('error', reject);
  });
const secret = async (): Promise<Record<string, string>> => (await cluster.call('GET', SECRET_PATH)).body.data;

test('another controller leads, and a policy that is deleted leaves nothing', async () => {
  const [first] = stack.processes.controller;
  const next = await stack.start('controller');
  await first?.stop();
  await waitFor(() => next.lines.some((line) => line.includes('"msg":"leading"')), { what: 'the next leader' });
  const names = [DENIES, REACTS, BROKEN];
  for (const name of names) expect((await cluster.removePolicy(name)).status).toBe(200);
  await waitFor(async () => (await stack.bus.policies.names()).length === 0, { what: 'no record', timeoutMs: 60_000 });
  await waitFor(async () => (await stack.bus.bundles.digests()).length === 0, { what: 'no bundle', timeoutMs: 60_000 });
  for (const name of names) {
    for (const kind of ['jspolicybundles', 'jspolicyviolations']) await isGone(`${KINDS}/${kind}/${name}`);
    expect(await webhookOf(name)).toBeUndefined();
  }
  await waitFor(async () => (await cluster.call('GET', REPORTS)).body.items.length === 0, { what: 'no report' });
  expect((await createPod('allowed')).status).toBe(201);
}, 120_000);

test('helm test asks the gateway', async () => {
  const ca = join(directory.path, 'ca.crt');
  await writeFile(ca, Buffer.from((await secret())['ca.crt'] ?? '', 'base64'));
  const script = join(ROOT, 'k8s/chart/jspolicy/files/ask.mjs');
  const asked = await startProcess(process.execPath, [script], { env: { WEBHOOK: stack.webhook.url, CA_FILE: ca } });
  await asked.exited;
  expect([asked.exit?.code, ...asked.lines].join('\n')).toMatch(/^0\n/);
});

test("the uninstall hook removes everything by its Job's account", async () => {
  for (const process of stack.processes.controller) await process.stop();
  // As it is where the API server finds the gateway by its Service.
  const service = { name: 'jspolicy', namespace: NAMESPACE, path: '/crds' };
  const own = (await cluster.call('GET', `${WEBHOOKS}/jspolicy`)).body;
  const webhooks = [{ ...own.webhooks[0], clientConfig: { service, caBundle: own.webhooks[0].clientConfig.caBundle } }];
  expect((await cluster.call('PUT', `${WEBHOOKS}/jspolicy`, { ...own, webhooks })).status).toBe(200);
  const { args } = release.container('Job', 'uninstall');
  const env = { KUBECONFIG: await release.kubeconfigOf('uninstall') };
  const job = await startProcess(process.execPath, args, { cwd: ROOT, env });
  await job.exited;
  expect([job.exit?.code, ...job.lines].join('\n')).toMatch(/^0\n1 webhook configuration removed\n/);
  await isGone(`/apis/apps/v1/namespaces/${NAMESPACE}/deployments/jspolicy-controller`);
  await isGone(`${KINDS}/jspolicies`);
});

test('no request of a ServiceAccount was forbidden', async () => {
  const answers = await audit.answers(`system:serviceaccount:${NAMESPACE}:jspolicy-`);
  const who = ['audit', 'controller', 'evaluator', 'gateway', 'uninstall'];
  expect([...new Set(answers.map(({ user }) => user))].sort()).toEqual(who);
  const forbidden = answers.filter(({ code }) => code === 403);
  expect([...new Set(forbidden.map(({ message }) => message))]).toEqual([]);
});
