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
