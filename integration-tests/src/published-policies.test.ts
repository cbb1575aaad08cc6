import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type KubeAnswer, type KubeApiServer, kubeForTest, kubeRequest, pod, waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ClusterClient } from './cluster-client.ts';
import { ACCOUNTS, account, LOFT_KINDS, SPACES, space } from './loft-kinds.ts';
import { seedsFolder } from './material.ts';
import { linesOf, restoredPolicy } from './restored-manifest.ts';
import { type Stack, startStack } from './stack.ts';

const SEEDS = seedsFolder();
const DOCUMENT = '003_1920ade63da994b0.txt';
const TITLES = [
  'Deny Space Owned By Team',
  'Deny Pods of User',
  'Deny Resources in default Namespace',
  'Deny Privileged Pods',
  'Deny Ingress Classes',
  'Allow Space only if Part of Team',
  'Set User as Annotation On New Object',
  'Inject Sidecar Container',
  'Unique Ingress Hosts',
];
/** All may do everything; what they may not is said by the policies. */
const USERS = [
  { name: 'test', groups: ['system:masters', 'loft:user:test'] },
  { name: 'dana', groups: ['system:masters', 'loft:team:admins'] },
];
const INGRESSES = '/apis/networking.k8s.io/v1/namespaces/web/ingresses';
const PODS = '/api/v1/namespaces/web/pods';

describe.skipIf(!SEEDS)('the nine policies of the Loft document, verbatim (JSPOLICY_SEEDS_DIR)', () => {
  let kube: KubeApiServer;
  let stack: Stack;

  const call = (user: string, method: string, path: string, body?: unknown): Promise<KubeAnswer> =>
    kubeRequest(kube, method, path, body, { token: kube.tokens[user] ?? kube.token });
  const tryAs = (user: string, path: string, object: unknown) => call(user, 'POST', `${path}?dryRun=All`, object);
  const denied = (policy: string, message: string) => ({
    status: 403,
    body: { message: `admission webhook "${policy}.resource.example" denied the request: ${message}` },
  });
  const untilDenied = (user: string, path: string, object: unknown) =>
    waitFor(
      async () => {
        const answer = await tryAs(user, path, object);
        return answer.status !== 201 && answer;
      },
      { what: 'a denial' },
    );

  beforeAll(async () => {
    const page = readFileSync(join(SEEDS ?? '', DOCUMENT), 'utf8');
    kube = await kubeForTest({ users: USERS });
    stack = await startStack({ cluster: { kube } });
    const cluster = new ClusterClient(kube);
    await cluster.servesKinds();
    await cluster.createNamespace('web');
    for (const kind of LOFT_KINDS)
      await call('admin', 'POST', `/apis/${kind.apiVersion}/customresourcedefinitions`, kind);
    for (const path of [ACCOUNTS, SPACES]) {
      await waitFor(async () => (await call('admin', 'GET', path)).status === 200, { what: `${path} to be served` });
    }
    for (const title of TITLES) {
      await cluster.applyPolicy(restoredPolicy(linesOf(page, 'apiVersion:', `\n${title}\n`)));
    }
  });
  afterAll(async () => {
    await stack?.stop();
    await kube?.stop();
  });

  test('a team owns no spaces; a person does', async () => {
    await call('admin', 'POST', ACCOUNTS, account('crew', { 'loft.sh/team': 'crew' }));
    await call('admin', 'POST', ACCOUNTS, account('kim', { 'loft.sh/user': 'kim' }, 'kim'));
    const answer = await untilDenied('dana', SPACES, space('of-crew', 'crew'));
    expect(answer).toMatchObject(denied('deny-teams-spaces', 'Teams cannot own spaces'));
    expect((await tryAs('dana', SPACES, space('of-kim', 'kim'))).status).toBe(201);
  });

  test('spaces are for the admins team', async () => {
    const answer = await untilDenied('test', SPACES, space('of-kim', 'kim'));
    const message = 'Sorry you cannot create spaces since you are not part of the admins team';
    expect(answer).toMatchObject(denied('allow-space-creation', message));
  });

  test('the user test creates no pods; another one does', async () => {
    const answer = await untilDenied('test', PODS, pod({ namespace: 'web' }));
    const message = 'Sorry test, but you are not allowed to create pods in this cluster';
    expect(answer).toMatchObject(denied('deny-user-pods', message));
    expect((await tryAs('dana', PODS, pod({ namespace: 'web' }))).status).toBe(201);
  });

  test.each([
    ['configmaps', '/api/v1/namespaces/default/configmaps', { metadata: { name: 'a' } }],
    ['leases', '/apis/coordination.k8s.io/v1/namespaces/default/leases', { metadata: { name: 'a' } }],
  ])('nothing is created in the namespace default: %s', async (_kind, path, object) => {
    const answer = await untilDenied('dana', path, object);
    const message = 'Creation of resources within the default namespace is not allowed!';
    expect(answer).toMatchObject(denied('deny-default-namespace', message));
    expect((await tryAs('dana', path.replace('default', 'web'), object)).status).toBe(201);
  });

  test.each(['containers', 'initContainers'])('privileged %s are denied', async (list) => {
    const object = pod({ namespace: 'web' });
    const privileged = { name: 'root', image: 'nginx', securityContext: { privileged: true } };
    const spec = { ...object.spec, [list]: [...(list === 'containers' ? object.spec.containers : []), privileged] };
    const answer = await untilDenied('dana', PODS, { ...object, spec });
    const message = 'spec.containers[*].securityContext.privileged is not allowed';
    expect(answer).toMatchObject(denied('deny-privileged-pods', message));
  });

  test('an ingress has the class nginx or none, in its annotation and in its field, also after an update', async () => {
    const other = (message: string) => denied('deny-ingress-classes', message);
    const annotated = ingress('annotated', 'a.example.com', {
      annotations: { 'kubernetes.io/ingress.class': 'traefik' },
    });
    expect(await untilDenied('dana', INGRESSES, annotated)).toMatchObject(
      other('ingress class traefik is not allowed'),
    );
    const field = ingress('field', 'a.example.com', {}, 'haproxy');
    expect(await untilDenied('dana', INGRESSES, field)).toMatchObject(other('ingress class haproxy is not allowed'));
    expect((await call('dana', 'POST', INGRESSES, ingress('first', 'a.example.com', {}, 'nginx'))).status).toBe(201);
    const changed = await call('dana', 'PATCH', `${INGRESSES}/first`, { spec: { ingressClassName: 'haproxy' } });
    expect(changed).toMatchObject(other('ingress class haproxy is not allowed'));
  });

  test('hosts are unique in the cluster; an ingress may keep its own', async () => {
    const answer = await untilDenied('dana', INGRESSES, ingress('second', 'a.example.com'));
    const message = 'ingress web/first already uses host a.example.com';
    expect(answer).toMatchObject(denied('unique-ingress-hosts', message));
    expect((await tryAs('dana', INGRESSES, ingress('second', 'b.example.com'))).status).toBe(201);
    const kept = await call('dana', 'PATCH', `${INGRESSES}/first`, { metadata: { labels: { changed: 'yes' } } });
    expect(kept.status).toBe(200);
  });

  test('who created an object stands in its annotation, when an account has its name', async () => {
    await call('admin', 'POST', ACCOUNTS, account('dana', { 'loft.sh/user': 'dana-of-loft' }, 'someone', 'dana'));
    const object = { metadata: { name: 'mine' } };
    const created = (user: string) => tryAs(user, '/api/v1/namespaces/web/configmaps', object);
    const annotated = await waitFor(async () => (await created('dana')).body.metadata.annotations, {
      what: 'the note',
    });
    expect(annotated).toEqual({ 'loft.sh/created-by-user': 'dana-of-loft' });
    expect((await created('test')).body.metadata.annotations).toBeUndefined();
  });

  test('a pod that asks for it gets a sidecar', async () => {
    const asks = await tryAs('dana', PODS, pod({ namespace: 'web', annotations: { 'inject-side-car': 'true' } }));
    expect(asks.body.spec.containers).toHaveLength(2);
    const sidecar = { name: 'injected-container', image: 'busybox', command: ['sleep', '3600'] };
    expect(asks.body.spec.containers[1]).toMatchObject(sidecar);
    const no = await tryAs('dana', PODS, pod({ namespace: 'web', annotations: { 'inject-side-car': 'no' } }));
    expect(no.body.spec.containers).toHaveLength(1);
  });
});

const ingress = (name: string, host: string, metadata = {}, ingressClassName?: string) => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  metadata: { name, ...metadata },
  spec: {
    ...(ingressClassName && { ingressClassName }),
    rules: [
      {
        host,
        http: { paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name, port: { number: 80 } } } }] },
      },
    ],
  },
});
