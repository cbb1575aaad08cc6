import { beforeAll, expect, test } from 'vitest';
import { findHelm, type Rendered, renderChart } from './helm.ts';

const COMPONENTS = ['gateway', 'evaluator', 'compiler', 'controller', 'audit'];

interface PodSpec extends Record<string, unknown> {
  containers: (Record<string, unknown> & { env: { name: string; value?: string }[] })[];
}

const named = (objects: Rendered[], kind: string, name: string) =>
  objects.find((object) => object.kind === kind && object.metadata.name === name);
const deployment = (objects: Rendered[], component: string) => {
  const found = named(objects, 'Deployment', `jspolicy-${component}`)?.['spec'];
  if (!found) throw new Error(`no Deployment of ${component}`);
  const { replicas, template } = found as {
    replicas: number;
    template: { metadata: { labels: Record<string, string> }; spec: PodSpec };
  };
  const [container] = template.spec.containers;
  return { replicas, labels: template.metadata.labels, spec: template.spec, container };
};
const everywhere = (objects: Rendered[]) => COMPONENTS.map((component) => deployment(objects, component));
const kinds = (objects: Rendered[], kind: string) => objects.filter((object) => object.kind === kind);
const spec = (objects: Rendered[], kind: string, name: string) => named(objects, kind, name)?.['spec'];

/** Each value of jsPolicy's chart, and what it means here. */
const VALUES: Record<string, [values: Record<string, unknown>, check: (objects: Rendered[]) => void]> = {
  replicaCount: [{ replicaCount: 3 }, (all) => expect(deployment(all, 'gateway').replicas).toBe(3)],
  'env, before what the chart sets': [
    { env: { VERBOSE: 'yes', VM_POOL_SIZE: 7 } },
    (all) => {
      for (const { container } of everywhere(all))
        expect(container?.env).toEqual(expect.arrayContaining([{ name: 'VERBOSE', value: 'yes' }]));
      const sizes = deployment(all, 'evaluator').container?.env.filter(({ name }) => name === 'VM_POOL_SIZE');
      expect(sizes).toEqual([{ name: 'VM_POOL_SIZE', value: '7' }]);
    },
  ],
  image: [
    { image: 'registry.example/jspolicy:7' },
    (all) => expect(deployment(all, 'audit').container).toMatchObject({ image: 'registry.example/jspolicy:7' }),
  ],
  imagePullSecrets: [
    { imagePullSecrets: [{ name: 'registry' }] },
    (all) => {
      for (const pod of everywhere(all)) expect(pod.spec['imagePullSecrets']).toEqual([{ name: 'registry' }]);
    },
  ],
  readinessProbe: [
    { readinessProbe: { enabled: false } },
    (all) => {
      for (const { container } of everywhere(all)) expect(container).not.toHaveProperty('readinessProbe');
    },
  ],
  livenessProbe: [
    { livenessProbe: { enabled: false } },
    (all) => {
      for (const { container } of everywhere(all)) expect(container).not.toHaveProperty('livenessProbe');
    },
  ],
  'jspolicy.command, unless it is the former default': [
    { jspolicy: { command: ['/sh'], args: ['-c', 'true'] } },
    (all) => expect(deployment(all, 'gateway').container).toMatchObject({ command: ['/sh'], args: ['-c', 'true'] }),
  ],
  'jspolicy.extraLabels and podLabels': [
    { jspolicy: { extraLabels: { team: 'a' }, podLabels: { pod: 'b' } } },
    (all) => {
      for (const component of COMPONENTS)
        expect(named(all, 'Deployment', `jspolicy-${component}`)?.metadata.labels).toMatchObject({ team: 'a' });
      for (const { labels } of everywhere(all)) expect(labels).toMatchObject({ pod: 'b' });
    },
  ],
  'jspolicy.resources': [
    { jspolicy: { resources: { limits: { memory: '1024Mi', cpu: '2' } } } },
    (all) =>
      expect(deployment(all, 'gateway').container).toMatchObject({
        resources: { limits: { memory: '1024Mi', cpu: '2' } },
      }),
  ],
  'jspolicy.extraVolumes and extraVolumeMounts': [
    {
      jspolicy: {
        extraVolumes: [{ name: 'lists', configMap: { name: 'lists' } }],
        extraVolumeMounts: [{ name: 'lists', mountPath: '/lists' }],
      },
    },
    (all) => {
      for (const pod of everywhere(all)) {
        expect(pod.spec['volumes']).toContainEqual({ name: 'lists', configMap: { name: 'lists' } });
        expect(pod.container?.['volumeMounts']).toContainEqual({ name: 'lists', mountPath: '/lists' });
      }
    },
  ],
  policyReports: [
    { policyReports: { enabled: true, maxEvents: 3 } },
    (all) =>
      expect(deployment(all, 'audit').container?.env).toEqual(
        expect.arrayContaining([
          { name: 'ENABLE_POLICY_REPORTS', value: 'true' },
          { name: 'POLICY_REPORT_MAX_EVENTS', value: '3' },
        ]),
      ),
  ],
  'serviceAccount with its ClusterRole': [
    { serviceAccount: { name: 'account', create: true, clusterRole: 'cluster-admin' } },
    (all) => {
      expect(named(all, 'ServiceAccount', 'account-evaluator')).toBeDefined();
      const binding = named(all, 'ClusterRoleBinding', 'jspolicy-evaluator-own');
      expect(binding).toMatchObject({ roleRef: { name: 'cluster-admin' }, subjects: [{ name: 'account-evaluator' }] });
    },
  ],
  'serviceAccount that is there': [
    { serviceAccount: { name: 'account', create: false } },
    (all) => {
      for (const pod of everywhere(all)) expect(pod.spec['serviceAccountName']).toBe('account');
      expect(kinds(all, 'ServiceAccount').map(({ metadata }) => metadata.name)).toEqual(['jspolicy-uninstall']);
    },
  ],
  'serviceAccount without a name': [
    { serviceAccount: { create: false } },
    (all) => expect(deployment(all, 'audit').spec['serviceAccountName']).toBe('default'),
  ],
  'nameOverride and fullnameOverride': [
    { fullnameOverride: 'guard', nameOverride: 'rules' },
    (all) => {
      expect(named(all, 'Deployment', 'guard-gateway')?.metadata.labels).toMatchObject({
        'app.kubernetes.io/name': 'rules',
      });
      expect(named(all, 'Service', 'jspolicy')).toBeDefined();
    },
  ],
  service: [
    { service: { type: 'NodePort', port: 8443, targetPort: 9443, annotations: { for: 'balancer' } } },
    (all) => {
      expect(named(all, 'Service', 'jspolicy')?.metadata.annotations).toEqual({ for: 'balancer' });
      expect(spec(all, 'Service', 'jspolicy')).toMatchObject({
        type: 'NodePort',
        ports: [
          { name: 'webhook', port: 8443, targetPort: 'webhook' },
          // Where webhook configurations have the API server ask.
          { name: 'api-server', port: 443, targetPort: 'webhook' },
          { name: 'metrics', port: 8080 },
        ],
      });
      const { container } = deployment(all, 'gateway');
      expect(container?.['ports']).toContainEqual({ name: 'webhook', containerPort: 9443 });
      expect(container?.env).toContainEqual({ name: 'PORT', value: '9443' });
    },
  ],
  'service.targetPort that only root may listen on': [
    { service: { targetPort: 443 } },
    (all) =>
      expect(deployment(all, 'gateway').container?.['ports']).toContainEqual({ name: 'webhook', containerPort: 8443 }),
  ],
  'service.type LoadBalancer, which shows no metrics to whoever reaches it': [
    { service: { type: 'LoadBalancer' } },
    (all) =>
      expect(spec(all, 'Service', 'jspolicy')).toMatchObject({
        type: 'LoadBalancer',
        ports: [{ name: 'webhook', port: 443 }],
      }),
  ],
  'service.create': [
    { service: { create: false } },
    (all) => expect(named(all, 'Service', 'jspolicy')).toBeUndefined(),
  ],
  'webhook.create': [
    { webhook: { create: false } },
    (all) =>
      expect(deployment(all, 'controller').container?.env).toContainEqual({ name: 'UPDATE_WEBHOOK', value: 'false' }),
  ],
  serviceMonitor: [
    {
      serviceMonitor: {
        enabled: true,
        namespace: 'monitoring',
        jobLabel: 'job',
        path: '/m',
        interval: '60s',
        scrapeTimeout: '30s',
        labels: { release: 'prometheus' },
      },
    },
    (all) => {
      const monitor = named(all, 'ServiceMonitor', 'jspolicy');
      expect(monitor?.metadata).toMatchObject({ namespace: 'monitoring', labels: { release: 'prometheus' } });
      expect(monitor?.['spec']).toMatchObject({
        jobLabel: 'job',
        namespaceSelector: { matchNames: ['jspolicy'] },
        endpoints: [{ path: '/m', interval: '60s', scrapeTimeout: '30s' }],
      });
    },
  ],
  securityContext: [
    { securityContext: { runAsUser: 7 } },
    (all) => {
      for (const { container } of everywhere(all))
        expect(container?.['securityContext']).toMatchObject({ runAsUser: 7 });
    },
  ],
  priorityClassName: [
    { priorityClassName: 'high' },
    (all) => {
      for (const pod of everywhere(all)) expect(pod.spec['priorityClassName']).toBe('high');
    },
  ],
  'affinity, nodeSelector, tolerations and topologySpreadConstraints, also as templates': [
    {
      affinity: { nodeAffinity: { note: '{{ .Release.Name }}' } },
      nodeSelector: { pool: '{{ .Release.Namespace }}' },
      tolerations: '- { key: "{{ .Release.Name }}", operator: Exists }',
      topologySpreadConstraints: [{ maxSkew: 2, topologyKey: 'rack' }],
    },
    (all) => {
      for (const pod of everywhere(all))
        expect(pod.spec).toMatchObject({
          affinity: { nodeAffinity: { note: 'jspolicy' } },
          nodeSelector: { pool: 'jspolicy' },
          tolerations: [{ key: 'jspolicy', operator: 'Exists' }],
          topologySpreadConstraints: [{ maxSkew: 2, topologyKey: 'rack' }],
        });
    },
  ],
  'podDisruptionBudget.minAvailable': [
    { podDisruptionBudget: { create: true, minAvailable: 1 } },
    (all) => {
      const budget = spec(all, 'PodDisruptionBudget', 'jspolicy-gateway');
      expect(budget).toMatchObject({ minAvailable: 1 });
      expect(budget).not.toHaveProperty('maxUnavailable');
    },
  ],
  'podDisruptionBudget.maxUnavailable': [
    { podDisruptionBudget: { create: true, maxUnavailable: '50%' } },
    (all) => expect(spec(all, 'PodDisruptionBudget', 'jspolicy-gateway')).toMatchObject({ maxUnavailable: '50%' }),
  ],
  'podDisruptionBudget.create': [
    { podDisruptionBudget: { create: false } },
    (all) => expect(kinds(all, 'PodDisruptionBudget')).toEqual([]),
  ],
  policies: [
    { policies: { 'a.example.com': { operations: ['CREATE'], resources: ['pods'], javascript: 'deny("no")' } } },
    (all) => expect(spec(all, 'JsPolicy', 'a.example.com')).toMatchObject({ javascript: 'deny("no")' }),
  ],
  'deployment.create': [
    { deployment: { create: false } },
    (all) => expect([...kinds(all, 'Deployment'), ...kinds(all, 'StatefulSet')]).toEqual([]),
  ],
  'clusterRoleBinding.create': [
    { clusterRoleBinding: { create: false } },
    (all) =>
      expect(kinds(all, 'ClusterRoleBinding').map(({ metadata }) => metadata.name)).toEqual(['jspolicy-uninstall']),
  ],
};

// Where it has to be built the first test would wait too long.
beforeAll(findHelm);

const about = 'a value of jsPolicy’s chart';
test.each(Object.entries(VALUES))(`${about} keeps its meaning: %s`, async (_name, [values, check]) => {
  check(await renderChart({ set: Object.entries(values).map(([name, value]) => `${name}=${JSON.stringify(value)}`) }));
});

test(`${about} changes nothing where it is the former default`, async () => {
  const set = [
    'replicaCount=1',
    'jspolicy={"command":["/jspolicy"],"args":[]}',
    'serviceAccount={"name":"serviceaccount","create":true,"clusterRole":"cluster-admin"}',
    'service={"type":"ClusterIP","port":443,"targetPort":443}',
    'serviceMonitor={"enabled":false,"jobLabel":"jspolicy","path":"/metrics","interval":"60s","scrapeTimeout":"30s","labels":{}}',
  ];
  const { container, replicas } = deployment(await renderChart({ set }), 'gateway');
  expect(replicas).toBe(1);
  expect(container).not.toHaveProperty('command');
});
