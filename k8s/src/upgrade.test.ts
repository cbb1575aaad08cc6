import type { KubeApiServer } from '@jspolicy/servers';
import { kubeForTest, kubeRequest } from '@jspolicy/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { failure, findHelm, findObject, renderChart } from './helm.ts';

let kube: KubeApiServer;

async function create(path: string, object: unknown): Promise<void> {
  const { status, body } = await kubeRequest(kube, 'POST', path, object);
  if (status !== 201) throw new Error(`POST ${path}: ${status} ${JSON.stringify(body)}`);
}

const workload = (kind: string, name: string, rest: object) => ({
  apiVersion: 'apps/v1',
  kind,
  metadata: { name },
  spec: {
    selector: { matchLabels: { name } },
    template: { metadata: { labels: { name } }, spec: { containers: [{ name: 'only', image: 'none' }] } },
    ...rest,
  },
});

beforeAll(async () => {
  await findHelm();
  kube = await kubeForTest();
  await create('/api/v1/namespaces', { metadata: { name: 'jspolicy' } });
  const path = '/apis/apps/v1/namespaces/jspolicy';
  const claim = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '4096Mi' } } };
  const volumeClaimTemplates = [{ metadata: { name: 'data' }, spec: claim }];
  const nats = { replicas: 3, serviceName: 'nats', volumeClaimTemplates };
  await create(`${path}/statefulsets`, workload('StatefulSet', 'jspolicy-nats', nats));
  await create(`${path}/deployments`, workload('Deployment', 'jspolicy-evaluator', { replicas: 5 }));
  const labels = { 'app.kubernetes.io/name': 'jspolicy' };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'only', image: 'none' }] } };
  await create(
    `${path}/deployments`,
    workload('Deployment', 'first-gateway', { selector: { matchLabels: labels }, template }),
  );
});
afterAll(() => kube?.stop());

const named = 'the chart, where a release is';
const given = (set: string[]) => ({ set, kubeconfig: kube.kubeconfigPath });

test(`${named}: fewer servers of NATS are refused`, async () => {
  const said = await failure(given(['nats.replicas=1']));
  expect(said).toContain('nats.replicas is 1: write 3, which StatefulSet jspolicy-nats has');
  expect(said).toContain('docs/operations.md');
  expect(await failure(given(['nats.replicas=3']))).toBe('rendered');
  expect(await failure(given(['nats.replicas=5']))).toBe('rendered');
});

test(`${named}: what Kubernetes does not change is refused before anything is`, async () => {
  const said = await failure(given(['nats.storage={"size":"8Gi","storageClassName":"fast"}']));
  expect(said).toContain('nats.storage.size is "8Gi": write "4Gi", which StatefulSet jspolicy-nats has');
  expect(said).toContain('nats.storage.storageClassName is "fast": write "", which');
  expect(await failure(given(['nats.storage.accessMode="ReadWriteOncePod"']))).toContain(
    'write "ReadWriteOnce", which',
  );
  expect(await failure(given(['nats.storage.size="4096Mi"']))).toBe('rendered');

  const names = ['fullnameOverride="first"', 'nameOverride="other"'];
  expect(await failure(given(names))).toContain(
    'nameOverride makes the name other: write jspolicy, which the selector of',
  );
});

test(`${named}: a second engine is refused while the first one works`, async () => {
  const where = { name: 'jspolicy', namespace: 'elsewhere', path: '/crds' };
  const webhook = {
    name: 'jspolicy.jspolicy.com',
    clientConfig: { service: where },
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
  };
  await create('/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations', {
    metadata: { name: 'jspolicy' },
    webhooks: [webhook],
  });
  expect(await failure(given([]))).toBe('rendered');
  await create('/api/v1/namespaces', { metadata: { name: 'elsewhere' } });
  const leases = '/apis/coordination.k8s.io/v1/namespaces/elsewhere/leases';
  await create(leases, {
    metadata: { name: 'jspolicy-controller' },
    spec: { holderIdentity: 'jspolicy-controller-0' },
  });
  expect(await failure(given([]))).toContain(
    'an engine works in the namespace elsewhere, and a cluster has one: upgrade',
  );
  expect(await failure({ name: 'elsewhere', kubeconfig: kube.kubeconfigPath })).toBe('rendered');
  // It gave its Lease back.
  await kubeRequest(kube, 'PATCH', `${leases}/jspolicy-controller`, { spec: { holderIdentity: '' } });
  expect(await failure(given([]))).toBe('rendered');
});

test(`${named}: an autoscaler begins with as many Pods as there are`, async () => {
  const replicas = async (set: string[]) => {
    const objects = await renderChart(given(set));
    return ['jspolicy-evaluator', 'jspolicy-gateway'].map(
      (name) => (findObject(objects, 'Deployment', name)['spec'] as { replicas?: number }).replicas,
    );
  };
  expect(await replicas([])).toEqual([2, 2]);
  const scaled = ['evaluator.autoscaling={"enabled":true}', 'gateway.autoscaling={"enabled":true}'];
  expect(await replicas(scaled)).toEqual([5, undefined]);
});
