import { glob, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { CHART_DIR } from './generated-files.ts';
import { findHelm, type Rendered, renderChart } from './helm.ts';

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
const ROOT = resolve(import.meta.dirname, '../..');
/** Everything in which services name their metrics. */
async function metricSources(): Promise<string> {
  const texts: string[] = [];
  for await (const name of glob('{services,libs}/*/src/**/*.ts', { cwd: ROOT }))
    texts.push(await readFile(join(ROOT, name), 'utf8'));
  return texts.join('\n');
}
const find = (objects: Rendered[], kind: string, name: string) => {
  const found = objects.find((object) => object.kind === kind && object.metadata.name === name);
  if (!found) throw new Error(`no ${kind} ${name}`);
  return found;
};

// Where it has to be built the first test would wait too long.
beforeAll(findHelm);

const named = 'the chart, rendered by helm';
test(`${named}: rights are no more than these`, async () => {
  const rights = (await renderChart())
    .filter(({ kind }) => kind === 'ClusterRole' || kind === 'Role')
    .map((role) => `${role.kind} ${role.metadata.name}:\n  ${rulesOf(role).join('\n  ')}`)
    .sort();
  await expect(`${rights.join('\n')}\n`).toMatchFileSnapshot('rights.golden.txt');
});

test(`${named}: every Pod fits Pod Security restricted`, async () => {
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
    const spec = podSpecOf(pod) as unknown as {
      securityContext: object;
      containers: { securityContext: object }[];
      initContainers?: { securityContext: object }[];
    };
    expect(spec.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
    for (const { securityContext } of [...(spec.initContainers ?? []), ...spec.containers])
      expect(securityContext).toMatchObject({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
  }
});

test.each([
  ['gateway={"replica":2}', 'replica'],
  ['replicaCount="two"', 'replicaCount'],
  ['nats={"replicas":2}', 'nats'],
  ['gatway={}', 'gatway'],
  ['service={"type":"Cluster"}', 'type'],
  ['evaluator={"grants":{"read":[{"apiGroups":[""],"resources":["pods"],"verbs":["list"]}]}}', 'verbs'],
  ['policyReports={"maxEvents":-1}', 'maxEvents'],
  ['policies={"no-dots":{}}', 'policies'],
  ['sinks={"security":{}}', 'type'],
  ['webhook={"exemptNamespaces":"kube-system"}', 'exemptNamespaces'],
  ['jspolicy.podLabels={"tier":1}', 'want string'],
  ['gateway.podAnnotations={"scrape":true}', 'want string'],
  ['fullnameOverride="My_Name"', 'fullnameOverride'],
  ['nameOverride="1st"', 'nameOverride'],
  ['evaluator.grants.filesDir="lists"', 'filesDir'],
  ['policies={"a.example.com":{"operations":"CREATE","resources":["pods"]}}', 'want array'],
  ['nats.storage.size="1Gi"', 'give 2Gi at least'],
  ['nats.storage.size="900Ki"', 'nats/storage/size'],
  ['gateway.shutdownDelayMs=60000', 'gateway.terminationGracePeriodSeconds: give 100'],
  ['gateway.autoscaling={"enabled":true,"minReplicas":9}', 'at most maxReplicas, 8'],
  ['evaluator.autoscaling={"enabled":true,"minReplicas":17}', 'at most maxReplicas, 16'],
])(`${named}: %s is refused`, async (set, word) => {
  expect(await failure([set])).toContain(word);
});

test(`${named}: sinks are values, and namespaces may be exempt`, async () => {
  const set = ['sinks={"security":{"type":"stdout","from":"All"}}', 'webhook={"exemptNamespaces":["kube-system","a"]}'];
  const objects = await renderChart({ set });
  expect(find(objects, 'ViolationSink', 'security')['spec']).toEqual({ type: 'stdout', from: 'All' });
  const env = (all: Rendered[]) =>
    (podSpecOf(find(all, 'Deployment', 'jspolicy-controller')) as unknown as { containers: { env: unknown[] }[] })
      .containers[0]?.env;
  expect(env(objects)).toContainEqual({ name: 'EXEMPT_NAMESPACES', value: 'kube-system,a' });
  expect(env(await renderChart())).toContainEqual({ name: 'EXEMPT_NAMESPACES', value: 'kube-node-lease' });
});

test(`${named}: each alert is told of in docs/operations.md, and of metrics that there are`, async () => {
  const rule = find(await renderChart({ set: ['prometheusRule={"enabled":true}'] }), 'PrometheusRule', 'jspolicy');
  const { groups } = rule['spec'] as { groups: { rules: { alert: string; expr: string }[] }[] };
  const [operations, sources] = await Promise.all([
    readFile(join(ROOT, 'docs/operations.md'), 'utf8'),
    metricSources(),
  ]);
  for (const { alert, expr } of groups.flatMap(({ rules }) => rules)) {
    expect(operations).toContain(`| ${alert} |`);
    for (const [metric] of expr.matchAll(/\b(jspolicy|policy)_[a-z_]+/g))
      expect(sources.includes(`'${metric}'`), `${metric} of ${alert}`).toBe(true);
  }
});

test(`${named}: what needs other operators is there when it is asked for`, async () => {
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

test(`${named}: the configuration of NATS has the permissions as they are`, async () => {
  const config = find(await renderChart(), 'ConfigMap', 'jspolicy-nats')['data'] as { 'nats.conf': string };
  // nats-server reads no \u escapes.
  expect(config['nats.conf']).not.toContain('\\u');
  const gateway = /user: gateway, password: \$GATEWAY_PASSWORD, permissions: (.*) }/.exec(config['nats.conf'])?.[1];
  expect(JSON.parse(gateway ?? '')).toEqual({
    publish: { allow: ['jspolicy.v1.evaluate.*'] },
    subscribe: { allow: ['_INBOX.gateway.>'] },
  });
});

test(`${named}: a server of NATS has its volume alone before it begins`, async () => {
  const objects = await renderChart();
  const { initContainers } = podSpecOf(find(objects, 'StatefulSet', 'jspolicy-nats')) as unknown as {
    initContainers: { args: string[]; env: { name: string; value: string }[] }[];
  };
  const [{ args, env } = { args: [], env: [] }] = initContainers;
  expect(args).toEqual(['/etc/nats/only-writer.mjs']);
  const config = find(objects, 'ConfigMap', 'jspolicy-nats')['data'] as Record<string, string>;
  expect(config['only-writer.mjs']).toBe(await readFile(join(CHART_DIR, 'files/only-writer.mjs'), 'utf8'));
  // The name that nats-server gives its file of ports, as the first process of its container.
  const folder = /ports_file_dir: (\S+)/.exec(config['nats.conf'] ?? '')?.[1];
  expect(env).toContainEqual({ name: 'MARK', value: `${folder}/nats-server_1.ports` });
  expect(config['nats.conf']).toContain('store_dir: /data\n');
  expect(env).toContainEqual({ name: 'STORE_DIR', value: '/data/jetstream' });
});

test(`${named}: a small volume of NATS is taken with a small record of violations`, async () => {
  const set = ['nats.storage.size="512Mi"', 'env={"VIOLATIONS_MAX_MIB":100}'];
  const { volumeClaimTemplates } = find(await renderChart({ set }), 'StatefulSet', 'jspolicy-nats')['spec'] as {
    volumeClaimTemplates: unknown[];
  };
  expect(volumeClaimTemplates).toMatchObject([{ spec: { resources: { requests: { storage: '512Mi' } } } }]);
});

test(`${named}: a compiler is waited for as long as it may take`, async () => {
  const timeoutWith = async (bundleTimeoutSeconds: number) => {
    const objects = await renderChart({ set: [`compiler.bundleTimeoutSeconds=${bundleTimeoutSeconds}`] });
    const [container] = podSpecOf(find(objects, 'Deployment', 'jspolicy-controller'))['containers'] as unknown as {
      env: { name: string; value?: string }[];
    }[];
    return container?.env.find(({ name }) => name === 'COMPILE_TIMEOUT')?.value;
  };
  expect([await timeoutWith(30), await timeoutWith(60), await timeoutWith(1_000)]).toEqual(['100', '190', '600']);
});

test(`${named}: the webhook is asked by the API servers alone where these are known`, async () => {
  const fromOf = async (set: string[]) => {
    const { ingress } = find(await renderChart({ set }), 'NetworkPolicy', 'jspolicy-gateway')['spec'] as {
      ingress: { ports: { port: string }[]; from?: unknown[] }[];
    };
    const [rule] = ingress.filter(({ ports }) => ports.some(({ port }) => port === 'webhook'));
    expect(ingress.map(({ ports }) => ports.map(({ port }) => port))).toEqual([['health'], ['webhook']]);
    return rule?.from;
  };
  expect(await fromOf([])).toBeUndefined();
  expect(await fromOf(['networkPolicy.apiServers=["10.0.0.1/32","fd00::1/128"]'])).toEqual([
    { ipBlock: { cidr: '10.0.0.1/32' } },
    { ipBlock: { cidr: 'fd00::1/128' } },
    // Of `helm test`.
    { podSelector: { matchLabels: expect.objectContaining({ 'app.kubernetes.io/component': 'test' }) } },
  ]);
  expect(await failure(['networkPolicy.apiServers=["master"]'])).toMatch(/networkPolicy.*apiServers/s);
});

test(`${named}: a node can be drained, and NATS keeps its majority`, async () => {
  const budgets = async (set: string[]) => {
    const found = (await renderChart({ set })).filter(({ kind }) => kind === 'PodDisruptionBudget');
    return Object.fromEntries(
      found.map(({ metadata, spec }) => {
        const { minAvailable, maxUnavailable, unhealthyPodEvictionPolicy } = spec as Record<string, unknown>;
        // Pods that are not ready do not hold up a drain.
        expect(unhealthyPodEvictionPolicy).toBe(metadata.name === 'jspolicy-nats' ? undefined : 'AlwaysAllow');
        return [metadata.name.replace('jspolicy-', ''), minAvailable ? [minAvailable] : maxUnavailable];
      }),
    );
  };
  expect(await budgets(['podDisruptionBudget.minAvailable=2', 'replicaCount=4', 'controller.replicas=1'])).toEqual({
    audit: [1],
    compiler: [1],
    evaluator: [1],
    gateway: [2],
    nats: 1,
  });
  expect(await budgets(['podDisruptionBudget.maxUnavailable="50%"'])).toMatchObject({ audit: '50%', nats: 1 });
  const scaled = 'gateway.autoscaling={"enabled":true,"minReplicas":3}';
  expect(await budgets([scaled, 'replicaCount=1', 'podDisruptionBudget.minAvailable=5'])).toMatchObject({
    gateway: [2],
  });
});

test(`${named}: texts that look like numbers, and long names, stay what they are`, async () => {
  const objects = await renderChart({ name: '123', set: ['serviceMonitor.enabled=true', 'podMonitor.enabled=true'] });
  for (const { metadata } of objects)
    for (const label of Object.values(metadata.labels)) expect(label).toEqual(expect.any(String));
  const subjects = objects.flatMap(({ subjects = [] }) => subjects as { namespace: unknown }[]);
  expect(new Set(subjects.map(({ namespace }) => namespace))).toEqual(new Set(['123']));
  expect(JSON.stringify(objects)).not.toMatch(/:123[,}]|\[123\]/);

  const long = await renderChart({ name: 'r'.repeat(53), set: ['env={"LIMIT":10000000}'] });
  for (const { metadata } of long) expect(metadata.name.length).toBeLessThanOrEqual(63);
  const { containers } = podSpecOf(find(long, 'Deployment', `${'r'.repeat(40)}-audit`)) as unknown as {
    containers: { env: unknown[] }[];
  };
  expect(containers[0]?.env).toContainEqual({ name: 'LIMIT', value: '10000000' });

  const services = (await renderChart({ name: 'team.a' })).filter(({ kind }) => kind === 'Service');
  expect(services.map(({ metadata }) => metadata.name).sort()).toEqual(['jspolicy', 'team-a-jspolicy-nats-headless']);

  const [policy] = (await renderChart({ set: ['networkPolicy.apiServers=["::/0"]'] })).filter(
    ({ kind, metadata }) => kind === 'NetworkPolicy' && metadata.name === 'jspolicy-gateway',
  );
  expect(JSON.stringify(policy)).toContain('"cidr":"::/0"');
});
