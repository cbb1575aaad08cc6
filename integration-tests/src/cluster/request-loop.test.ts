import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { createCertificates } from '@jspolicy/certificates';
import { type ApiServerCluster, connectApiServer } from '@jspolicy/kube';
import { createLogger } from '@jspolicy/runtime';
import { type KubeApiServer, kubeForTest, kubeRequest, waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { failedOpenIn } from './engine.ts';
import { type LoopResult, sendSome } from './request-loop.ts';

const NAMESPACE = 'default';
const WEBHOOKS = '/apis/admissionregistration.k8s.io/v1';
const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64');

interface Review {
  request: { uid: string; object: { data: { verdict: string; number: string } } };
}
/** What the engine does in a test; the two policies of the loop unless one says otherwise. */
let behaviour: 'judges' | 'ends connections' | 'answers 503' | 'lets everything pass' | 'fails';
let kube: KubeApiServer;
let webhook: Server;
let cluster: ApiServerCluster;

beforeAll(async () => {
  kube = await kubeForTest();
  const { ca, cert, key } = await createCertificates({ dnsNames: [], ipAddresses: ['127.0.0.1'] });
  webhook = await startWebhook(cert, key);
  await configure('Validating', 'denies.loop.example', ca);
  await configure('Mutating', 'marks.loop.example', ca);
  const log = createLogger({ service: 'test', level: 'silent' });
  cluster = await connectApiServer({ kubeconfig: kube.kubeconfigPath, log });
});
beforeEach(() => {
  behaviour = 'judges';
});
afterAll(async () => {
  cluster?.close();
  webhook?.closeAllConnections();
  webhook?.close();
  await kube?.stop();
});

async function startWebhook(cert: string, key: string): Promise<Server> {
  const server = createServer({ cert, key }, async (asked, answer) => {
    if (behaviour === 'ends connections') return void asked.socket.destroy();
    if (behaviour === 'answers 503') return void answer.writeHead(503).end();
    const { request } = (await json(asked)) as Review;
    const response = { uid: request.uid, ...judged(asked.url ?? '', request.object.data) };
    const review = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response };
    answer.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(review));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

function judged(path: string, { verdict, number }: Review['request']['object']['data']) {
  if (behaviour === 'fails') return { allowed: false, status: { message: 'timed out', code: 500 } };
  if (path.startsWith('/marks')) {
    const patch = [{ op: 'add', path: '/data/mark', value: 'marked-by-policy' }];
    return { allowed: true, patchType: 'JSONPatch', patch: encoded(patch) };
  }
  const denied = verdict === 'deny' && behaviour !== 'lets everything pass';
  return denied ? { allowed: false, status: { message: `no ${number}`, code: 403 } } : { allowed: true };
}

async function configure(type: 'Validating' | 'Mutating', name: string, ca: string): Promise<void> {
  const { port } = webhook.address() as AddressInfo;
  const configuration = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: `${type}WebhookConfiguration`,
    metadata: { name },
    webhooks: [
      {
        name,
        clientConfig: { url: `https://127.0.0.1:${port}/${name}`, caBundle: Buffer.from(ca).toString('base64') },
        rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] }],
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': NAMESPACE } },
        failurePolicy: 'Fail',
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
      },
    ],
  };
  const path = `${WEBHOOKS}/${type.toLowerCase()}webhookconfigurations`;
  expect((await kubeRequest(kube, 'POST', path, configuration)).status).toBe(201);
}

const counts = ({ denied, passed, wrong, refused, lost }: LoopResult) => ({
  denied: denied.length > 0,
  passed: passed.length > 0,
  wrong: wrong.length > 0,
  refused: refused.length > 0,
  lost: lost.length > 0,
});
const NONE = { denied: false, passed: false, wrong: false, refused: false, lost: false };

test('each request is right, wrong, refused or lost', async () => {
  await sendSomeUntilConfigured();
  const ends: Record<typeof behaviour, Partial<typeof NONE>> = {
    judges: { denied: true, passed: true },
    'lets everything pass': { passed: true, wrong: true },
    fails: { lost: true },
    'answers 503': { refused: true },
    'ends connections': { refused: true },
  };
  for (const each of Object.keys(ends) as (typeof behaviour)[]) {
    behaviour = each;
    const result = await sendSome(cluster, NAMESPACE, 8);
    expect(counts(result), each).toEqual({ ...NONE, ...ends[each] });
    const { sent, denied, passed, undecided } = result;
    expect(denied.length + passed.length + undecided.length).toBe(sent);
    expect(result.refused.every(({ answered }) => answered === (each === 'answers 503'))).toBe(true);
  }
});

/** The API server learns of webhooks a moment after they were made. */
async function sendSomeUntilConfigured(): Promise<void> {
  const judgedAll = async () => (await sendSome(cluster, NAMESPACE, 4)).wrong.length === 0;
  await waitFor(judgedAll, { what: 'the webhooks to be asked' });
}

test('what the API server lets pass because nobody judged it is counted', async () => {
  const count = async () => failedOpenIn((await kubeRequest(kube, 'GET', '/metrics')).body);
  const path = `${WEBHOOKS}/validatingwebhookconfigurations/denies.loop.example`;
  const patch = [{ op: 'replace', path: '/webhooks/0/failurePolicy', value: 'Ignore' }];
  await kubeRequest(kube, 'PATCH', path, patch, { contentType: 'application/json-patch+json' });
  await kubeRequest(kube, 'DELETE', `${WEBHOOKS}/mutatingwebhookconfigurations/marks.loop.example`);
  expect(await count()).toBe(0);
  behaviour = 'ends connections';
  await waitFor(async () => (await sendSome(cluster, NAMESPACE, 4)).refused.length === 0, {
    what: 'Ignore to be heeded',
  });
  expect(await count()).toBeGreaterThan(0);
});
