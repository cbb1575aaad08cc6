import { expect, test } from 'vitest';
import { HELM, type Rendered, renderChart } from './helm.ts';

interface Rule {
  apiGroups: string[];
  resources: string[];
  resourceNames?: string[];
  verbs: string[];
}

const WORKLOADS = ['Deployment', 'StatefulSet', 'Job'];
const podSpecOf = (object: Rendered) =>
  (object.kind === 'Pod'
    ? object['spec']
    : (object['spec'] as { template: { spec: unknown } }).template.spec) as Record<string, never>;
const rulesOf = (object: Rendered) =>
  ((object['rules'] ?? []) as Rule[]).map(
    ({ apiGroups, resources, resourceNames = [], verbs }) =>
      `${verbs.join(',')} ${resources.map((each) => `${each}${apiGroups[0] ? `.${apiGroups.join('|')}` : ''}`).join(' ')}${
        resourceNames.length > 0 ? ` named ${resourceNames.join(' ')}` : ''
      }`,
  );
const failure = (set: string[]): Promise<string> =>
  renderChart({ set }).then(
    () => 'rendered',
    (error: Error) => error.message,
  );
const find = (objects: Rendered[], kind: string, name: string) => {
  const found = objects.find((object) => object.kind === kind && object.metadata.name === name);
  if (!found) throw new Error(`no ${kind} ${name}`);
  return found;
};

const named = HELM ? 'the chart, rendered by helm' : 'the chart (only where JSPOLICY_HELM names helm)';
(HELM ? test : test.skip)(`${named}: rights are no more than these`, async () => {
  const rights = (await renderChart())
    .filter(({ kind }) => kind === 'ClusterRole' || kind === 'Role')
    .map((role) => `${role.kind} ${role.metadata.name}:\n  ${rulesOf(role).join('\n  ')}`)
    .sort();
  await expect(`${rights.join('\n')}\n`).toMatchFileSnapshot('rights.golden.txt');
});

(HELM ? test : test.skip)(`${named}: every Pod fits Pod Security restricted`, async () => {
  const objects = await renderChart();
  const pods = objects.filter(({ kind }) => kind === 'Pod' || WORKLOADS.includes(kind));
  expect(pods.map(({ metadata }) => metadata.name).sort()).toEqual([
    'jspolicy-audit',
    'jspolicy-compiler',
    'jspolicy-controller',
    'jspolicy-evaluator',
    'jspolicy-gateway',
    'jspolicy-nats',
    'jspolicy-test',
    'jspolicy-uninstall',
  ]);
  for (const pod of pods) {
    const spec = podSpecOf(pod) as unknown as { securityContext: object; containers: { securityContext: object }[] };
    expect(spec.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
    for (const { securityContext } of spec.containers)
      expect(securityContext).toMatchObject({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
  }
});

(HELM ? test : test.skip).each([
  ['gateway={"replica":2}', 'replica'],
  ['replicaCount="two"', 'replicaCount'],
  ['nats={"replicas":2}', 'nats'],
  ['gatway={}', 'gatway'],
  ['service={"type":"Cluster"}', 'type'],
  ['evaluator={"grants":{"read":[{"apiGroups":[""],"resources":["pods"],"verbs":["list"]}]}}', 'verbs'],
  ['policyReports={"maxEvents":-1}', 'maxEvents'],
  ['policies={"no-dots":{}}', 'policies'],
])(`${named}: %s is refused`, async (set, word) => {
  expect(await failure([set])).toContain(word);
});

(HELM ? test : test.skip)(`${named}: values of jsPolicy's chart keep their meaning`, async () => {
  const objects = await renderChart({
    set: [
      'replicaCount=3',
      'env={"VERBOSE":"yes","COUNT":4}',
      'jspolicy={"command":["/jspolicy"],"args":[],"resources":{"limits":{"memory":"1024Mi","cpu":"2"}},"extraLabels":{"team":"a"}}',
      'image="registry.example/jspolicy:7"',
      'service={"type":"ClusterIP","port":443,"targetPort":443}',
      'serviceAccount={"name":"serviceaccount","create":true,"clusterRole":"cluster-admin"}',
      'policyReports={"enabled":true,"maxEvents":3}',
      'priorityClassName="high"',
      'policies={"a.example.com":{"operations":["CREATE"],"resources":["pods"],"javascript":"deny(1)"}}',
    ],
  });
  const gateway = find(objects, 'Deployment', 'jspolicy-gateway');
  expect(gateway['spec']).toMatchObject({ replicas: 3 });
  expect(gateway.metadata.labels).toMatchObject({ team: 'a' });
  const spec = podSpecOf(gateway) as unknown as { priorityClassName: string; containers: Record<string, unknown>[] };
  expect(spec.priorityClassName).toBe('high');
  const [container] = spec.containers;
  expect(container).toMatchObject({
    image: 'registry.example/jspolicy:7',
    resources: { limits: { memory: '1024Mi', cpu: '2' } },
  });
  expect(container).not.toHaveProperty('command');
  expect(container?.['env']).toEqual(
    expect.arrayContaining([
      { name: 'VERBOSE', value: 'yes' },
      { name: 'COUNT', value: '4' },
      { name: 'PORT', value: '8443' },
    ]),
  );
  find(objects, 'ServiceAccount', 'serviceaccount-evaluator');
  const role = find(objects, 'ClusterRoleBinding', 'jspolicy-evaluator-own');
  expect(role['roleRef']).toMatchObject({ name: 'cluster-admin' });
  find(objects, 'JsPolicy', 'a.example.com');
});

(HELM ? test : test.skip)(`${named}: what needs other operators is there when it is asked for`, async () => {
  const set = [
    'serviceMonitor={"enabled":true}',
    'podMonitor={"enabled":true}',
    'prometheusRule={"enabled":true}',
    'dashboard={"enabled":true}',
    'certificate={"certManager":{"enabled":true}}',
    'evaluator={"autoscaling":{"enabled":true,"prometheusUrl":"http://prometheus:9090"}}',
  ];
  const kinds = async (apis: string[]) => (await renderChart({ set, apis })).map(({ kind }) => kind);
  const own = ['ServiceMonitor', 'PodMonitor', 'PrometheusRule', 'Certificate', 'Issuer'];
  expect(await kinds([])).toEqual(expect.arrayContaining([...own, 'HorizontalPodAutoscaler']));
  expect(await kinds(['keda.sh/v1alpha1'])).toEqual(expect.arrayContaining([...own, 'ScaledObject']));
  const none = (await renderChart()).map(({ kind }) => kind);
  for (const kind of [...own, 'ScaledObject', 'HorizontalPodAutoscaler']) expect(none).not.toContain(kind);
});

(HELM ? test : test.skip)(`${named}: the configuration of NATS has the permissions as they are`, async () => {
  const config = find(await renderChart(), 'ConfigMap', 'jspolicy-nats')['data'] as { 'nats.conf': string };
  // nats-server reads no \u escapes.
  expect(config['nats.conf']).not.toContain('\\u');
  const gateway = /user: gateway, password: \$GATEWAY_PASSWORD, permissions: (.*) }/.exec(config['nats.conf'])?.[1];
  expect(JSON.parse(gateway ?? '')).toEqual({
    publish: { allow: ['jspolicy.v1.evaluate.*'] },
    subscribe: { allow: ['_INBOX.gateway.>'] },
  });
});
