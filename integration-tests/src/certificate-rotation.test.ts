import { X509Certificate } from 'node:crypto';
import { request } from 'node:https';
import { connect } from 'node:tls';
import type { KubeObject } from '@jspolicy/contracts';
import { type KubeApiServer, kubeForTest, type TestProcess, waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Balancer } from './balancer.ts';
import { ClusterClient } from './cluster-client.ts';
import { certificateOfAge, certificateSecret, SECRET_PATH } from './former-engine.ts';
import { policy } from './manifests.ts';
import { Repeated } from './repeated.ts';
import { portOf, type Stack, startStack } from './stack.ts';

const NAME = 'rotated.e2e.example';
const WEBHOOKS = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
const DENIED = `admission webhook "${NAME}" denied the request: not this one`;
/** A third of it is left when a rotation begins: more than a Lease lasts whose holder was killed. */
const LIFE_SECONDS = 600;
/** Long enough for the policy to be in force, and the requests to begin, before the first rotation goes on. */
const SETTLE_SECONDS = 30;

let kube: KubeApiServer;
let stack: Stack;
let cluster: ClusterClient;
let balancer: Balancer;

beforeAll(async () => {
  [kube, balancer] = [await kubeForTest(), new Balancer()];
  const url = await balancer.listen();
  cluster = new ClusterClient(kube);
  await cluster.createNamespace('jspolicy');
  // More than two thirds of its life are over: it is renewed at once.
  const former = await certificateOfAge(20, {
    dnsNames: ['jspolicy.jspolicy.svc'],
    ipAddresses: ['127.0.0.1'],
    validDays: 5,
  });
  await cluster.call('POST', '/api/v1/namespaces/jspolicy/secrets', certificateSecret(former));
  stack = await startStack({
    cluster: { kube },
    evaluators: 1,
    env: {
      gateway: { TLS_CERT_FILE: '', TLS_KEY_FILE: '' },
      controller: {
        WEBHOOK_URL: url,
        WEBHOOK_CA_FILE: '',
        CERTIFICATE_SECONDS: String(LIFE_SECONDS),
        CERTIFICATE_SETTLE_SECONDS: String(SETTLE_SECONDS),
      },
    },
    onGateway: (gateway) => balancer.ports.push(portOf(gateway, 'port')),
  });
  await stack.start('gateway');
  await stack.start('controller');
  await cluster.servesKinds();
});
afterAll(async () => {
  await stack?.stop();
  await balancer?.close();
  await kube?.stop();
});

const secret = async (): Promise<Record<string, string>> => (await cluster.call('GET', SECRET_PATH)).body.data;

/** Of the policy's webhook: what the API server trusts at this moment. */
async function trusted(): Promise<string> {
  const { items } = (await cluster.call('GET', WEBHOOKS)).body;
  const ours = items.find(({ metadata }: KubeObject) => metadata.name.startsWith(NAME));
  return Buffer.from(ours.webhooks[0].clientConfig.caBundle, 'base64').toString();
}

/** The certificate that a new connection gets; an error when it is not to be trusted. */
const served = (port: number, ca: string) =>
  new Promise<string>((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, ca }, () => {
      resolve(socket.getPeerX509Certificate()?.fingerprint256 ?? '');
      socket.end();
    });
    socket.once('error', reject);
  });

/** A review over a connection of its own, verified by what the configuration says. */
async function review(port: number): Promise<string | undefined> {
  const ca = await trusted();
  const status = await new Promise((resolve, reject) => {
    const path = `/policy/${NAME}?timeout=30s`;
    const headers = { 'content-type': 'application/json' };
    const sent = request({ host: '127.0.0.1', port, path, method: 'POST', ca, agent: false, headers }, (answer) => {
      answer.resume().once('end', () => resolve(answer.statusCode));
    });
    sent.once('error', reject);
    sent.end(JSON.stringify(REVIEW));
  });
  return status === 200 ? undefined : `HTTP ${status} of the gateway on ${port}`;
}
const REVIEW = {
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: { uid: 'u', kind: { group: '', version: 'v1', kind: 'ConfigMap' }, operation: 'CREATE', object: {} },
};

/** The API server asks, whatever certificate serves. */
async function create(): Promise<string | undefined> {
  const { body } = await cluster.call('POST', CONFIG_MAPS, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'c' },
  });
  return body.message === DENIED ? undefined : `the API server said: ${JSON.stringify(body)}`;
}

const leader = (): TestProcess => {
  const found = stack.processes.controller.find(
    ({ exit, lines }) => !exit && lines.some((line) => line.includes('"leading"')),
  );
  if (!found) throw new Error('no controller leads');
  return found;
};

test('certificates are rotated under load without a failed request, also when the leader is killed in the middle', async () => {
  await cluster.applyPolicy(policy(NAME, 'deny("not this one")', { resources: ['configmaps'] }));
  await waitFor(async () => (await create()) === undefined, { what: 'the policy in force' });
  const loops = [...balancer.ports.map((port) => new Repeated(10, () => review(port))), new Repeated(10, create)];
  // The first rotation; on a slow machine the second.
  await waitFor(async () => (await secret())['next-tls.crt'], {
    what: 'the next one to be prepared',
    timeoutMs: LIFE_SECONDS * 1000,
  });
  const serving = (await secret())['tls.crt'];
  leader().kill('SIGKILL');
  await waitFor(async () => (await secret())['tls.crt'] !== serving, {
    what: 'another leader to go on',
  });
  await waitFor(everybodyServesTheNewest, { what: 'both gateways to serve the newest' });
  for (const loop of loops) await loop.stop();
  expect(loops.flatMap(({ problems }) => problems)).toEqual([]);
  for (const { done } of loops) expect(done).toBeGreaterThan(100);
});

async function everybodyServesTheNewest(): Promise<boolean> {
  const newest = new X509Certificate(Buffer.from((await secret())['tls.crt'] ?? '', 'base64')).fingerprint256;
  const ca = await trusted();
  const all = await Promise.all(balancer.ports.map((port) => served(port, ca)));
  return all.length === 2 && all.every((fingerprint) => fingerprint === newest);
}
