import type { JsPolicySpec } from '@jspolicy/contracts';
import { admissionReview, type KubeAnswer, pod, waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ClusterClient } from './cluster-client.ts';
import { policy } from './manifests.ts';
import { type RunningCluster, startCluster } from './running-engine.ts';
import type { Stack } from './stack.ts';

/** Denies what carries the word, and says what it saw of the request. */
const TELLS = `const {operation, resource, subResource, name, namespace, object, oldObject, options} = request;
const what = [resource.group + '/' + resource.version + '/' + resource.resource, subResource, namespace, name];
deny([operation, ...what.map(String), object && (object.kind ?? 'object'), oldObject && oldObject.kind, options && options.kind].join(' '))`;

let engine: RunningCluster;
let stack: Stack;
let cluster: ClusterClient;

beforeAll(async () => {
  engine = await startCluster({ namespaces: ['asked'], evaluators: 1 });
  ({ stack, cluster } = engine);
  expect((await cluster.createPod(pod({ namespace: 'asked' }))).status).toBe(201);
});
afterAll(() => engine?.stop());

const namespaceSelector = { matchLabels: { 'kubernetes.io/metadata.name': 'asked' } };
const PODS = '/api/v1/namespaces/asked/pods';
const DEPLOYMENTS = '/apis/apps/v1/namespaces/asked/deployments';
const deployment = {
  metadata: { name: 'web', namespace: 'asked' },
  spec: {
    selector: { matchLabels: { a: 'b' } },
    template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'a', image: 'a' }] } },
  },
};

type Request = [method: string, path: string, body?: unknown];
const CASES: [what: string, rule: JsPolicySpec, request: Request, said: string][] = [
  [
    'DELETE',
    { operations: ['DELETE'], resources: ['pods'] },
    ['DELETE', `${PODS}/web`],
    'DELETE /v1/pods undefined asked web  Pod DeleteOptions',
  ],
  [
    'DELETE of a collection',
    { operations: ['DELETE'], resources: ['pods'] },
    ['DELETE', PODS],
    'DELETE /v1/pods undefined asked undefined  Pod DeleteOptions',
  ],
  [
    'CONNECT to exec',
    { operations: ['CONNECT'], resources: ['pods/exec'] },
    ['POST', `${PODS}/web/exec?command=id&stdout=true`],
    'CONNECT /v1/pods exec asked web PodExecOptions  ',
  ],
  [
    'CONNECT to a proxy, by */*',
    { operations: ['CONNECT'], resources: ['*/*'] },
    ['GET', `${PODS}/web/proxy`],
    'CONNECT /v1/pods proxy asked web PodProxyOptions  ',
  ],
  [
    'a subresource of one kind',
    { operations: ['UPDATE'], resources: ['pods/*'] },
    ['PATCH', `${PODS}/web/status`, { status: { message: 'x' } }],
    'UPDATE /v1/pods status asked web Pod Pod UpdateOptions',
  ],
  [
    'one subresource of all kinds',
    { operations: ['*'], resources: ['*/scale'] },
    ['PATCH', `${DEPLOYMENTS}/web/scale`, { spec: { replicas: 3 } }],
    'UPDATE apps/v1/deployments scale asked web Scale Scale UpdateOptions',
  ],
  [
    'eviction',
    { operations: ['CREATE'], resources: ['pods/eviction'] },
    ['POST', `${PODS}/web/eviction`, { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'web' } }],
    'CREATE /v1/pods eviction asked web Eviction  CreateOptions',
  ],
  [
    'everything of a group',
    { operations: ['*'], resources: ['*'], apiGroups: ['apps'] },
    ['DELETE', `${DEPLOYMENTS}/web`],
    'DELETE apps/v1/deployments undefined asked web  Deployment DeleteOptions',
  ],
];

describe('what the API server asks about', () => {
  beforeAll(async () => {
    expect((await cluster.call('POST', DEPLOYMENTS, deployment)).status).toBe(201);
  });

  test.each(CASES)('%s', async (what, rule, request, said) => {
    const name = `tells-${CASES.findIndex(([each]) => each === what)}.asked.example`;
    await cluster.applyPolicy(policy(name, TELLS, { ...rule, namespaceSelector }));
    const told = (answer: KubeAnswer) => String(answer.body?.message ?? answer.body);
    const answer = await waitFor(
      async () => {
        const got = await cluster.call(...dryRun(request));
        return told(got).includes('denied the request') && got;
      },
      { what: 'a denial' },
    );
    expect(told(answer)).toContain(`admission webhook "${name}" denied the request: ${said}`);
    await cluster.removePolicy(name);
    await waitFor(async () => !told(await cluster.call(...dryRun(request))).includes('denied the request'), {
      what: 'the policy to be gone',
    });
  });

  test('* does not cover subresources', async () => {
    const name = 'star.asked.example';
    await cluster.applyPolicy(policy(name, TELLS, { operations: ['*'], resources: ['*'], namespaceSelector }));
    const patch = (path: string) => cluster.call('PATCH', `${path}?dryRun=All`, { metadata: { labels: { x: 'y' } } });
    await waitFor(async () => (await patch(`${PODS}/web`)).status === 403, { what: 'the denial' });
    expect((await patch(`${PODS}/web/status`)).status).toBe(200);
    await cluster.removePolicy(name);
  });
});

test.each(['v1', 'v1beta1'] as const)('a review of %s is answered in its version', async (version) => {
  const name = `answers-${version}.asked.example`;
  await cluster.applyPolicy(policy(name, 'deny("no")', { namespaceSelector }));
  const review = admissionReview({ object: pod(), version, uid: 'u-7' });
  const answer = await waitFor(
    async () => {
      const got = await stack.webhook.review(name, review);
      return got.status === 200 && got;
    },
    { what: 'an answer' },
  );
  expect(JSON.parse(answer.text)).toEqual({
    kind: 'AdmissionReview',
    apiVersion: `admission.k8s.io/${version}`,
    response: {
      uid: 'u-7',
      allowed: false,
      status: { metadata: {}, message: 'no', reason: 'Forbidden', code: 403 },
    },
  });
});

/** Nothing is left of what was let through; CONNECT has no dry run. */
const dryRun = ([method, path, body]: Request): Request =>
  /\/(exec|proxy)\b/.test(path) ? [method, path, body] : [method, `${path}?dryRun=All`, body];
