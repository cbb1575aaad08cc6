import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { KubeApiServer } from '@jspolicy/servers';
import { kubeForTest, kubeRequest } from '@jspolicy/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CHART_DIR } from './generated-files.ts';
import { findHelm } from './helm.ts';

const NAMESPACE = 'engine';
let kube: KubeApiServer;
beforeAll(async () => {
  await findHelm();
  kube = await kubeForTest();
});
afterAll(() => kube?.stop());

/** What helm says of it. */
async function upgrade(set: string[], ...flags: string[]): Promise<string> {
  const args = [
    'upgrade',
    '--install',
    'jspolicy',
    CHART_DIR,
    '--namespace',
    NAMESPACE,
    '--create-namespace',
    ...flags,
  ];
  for (const value of set) args.push('--set-json', value);
  const helm = await findHelm();
  const { stdout, stderr } = await promisify(execFile)(helm, [...args, '--kubeconfig', kube.kubeconfigPath], {
    maxBuffer: 64 * 2 ** 20,
  });
  // Warnings: of links, of fields that an API server does not know.
  expect(stderr).toBe('');
  return stdout;
}

const get = async (path: string) => (await kubeRequest(kube, 'GET', path)).body;
const workload = (plural: string, name: string) => get(`/apis/apps/v1/namespaces/${NAMESPACE}/${plural}/${name}`);
const password = async () =>
  (await get(`/api/v1/namespaces/${NAMESPACE}/secrets/jspolicy-nats-auth`)).data.gateway as string;

/** Nothing runs here: the API server judges each object, and Helm what it sends. */
test('an API server takes what the chart makes, and upgrades of it', async () => {
  const policies = 'policies={"a.example.com":{"operations":["CREATE"],"resources":["pods"],"javascript":"allow()"}}';
  await upgrade([policies, 'sinks={"lines":{"type":"stdout"}}', 'jspolicy={"extraLabels":{"team":"a"}}']);
  const before = await password();
  expect((await get('/apis/policy.jspolicy.com/v1beta1/jspolicies/a.example.com')).spec.resources).toEqual(['pods']);

  await upgrade([policies, 'evaluator={"replicas":5}', 'nats={"replicas":5}']);
  expect(await password()).toBe(before);
  expect((await workload('statefulsets', 'jspolicy-nats')).spec.replicas).toBe(5);

  await expect(upgrade(['nats={"replicas":3}'])).rejects.toThrow(/nats.replicas is 3: write 5/);

  await expect(upgrade(['nats={"replicas":5}', 'podMonitor={"enabled":true}'])).rejects.toThrow(
    /podMonitor.enabled needs the Prometheus operator, and the cluster has no kind PodMonitor/,
  );

  const elsewhere = 'nats={"enabled":false,"url":"nats://a","existingSecret":"mine"}';
  const notes = await upgrade([elsewhere], '--dry-run=server');
  expect(notes).toContain(
    'Secret mine, which nats.existingSecret names, is not in namespace engine: Pods wait for it.',
  );
  await kubeRequest(kube, 'POST', `/api/v1/namespaces/${NAMESPACE}/secrets`, { metadata: { name: 'mine' } });
  expect(await upgrade([elsewhere], '--dry-run=server')).not.toContain('Pods wait for it');

  // Helm takes away what is not rendered, and the API server makes one of no number.
  await upgrade(['nats={"replicas":5}', 'evaluator={"autoscaling":{"enabled":true}}']);
  expect((await workload('deployments', 'jspolicy-evaluator')).spec.replicas).toBe(5);
});
