import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { CHART_DIR } from './generated-files.ts';
import { findHelm, findObject, type Rendered, renderChart } from './helm.ts';

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
// Where it has to be built the first test would wait too long.
beforeAll(findHelm);

const named = 'the chart, rendered by helm';
test.each([
  ['', [], 'rights.golden.txt'],
  [
    ' with all of audit turned on',
    ['policyReports.enabled=true', 'audit.sinkSecrets=["token"]'],
    'rights-of-audit.golden.txt',
  ],
])(`${named}: rights%s are no more than these`, async (_, set, golden) => {
  const rights = (await renderChart({ set }))
    .filter(({ kind, metadata }) => /Role$/.test(kind) && (set.length === 0 || metadata.name === 'jspolicy-audit'))
    .map((role) => `${role.kind} ${role.metadata.name}:\n  ${rulesOf(role).join('\n  ')}`)
    .sort();
  await expect(`${rights.join('\n')}\n`).toMatchFileSnapshot(golden);
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

test(`${named}: sinks are values, and namespaces may be exempt`, async () => {
  const set = ['sinks={"security":{"type":"stdout","from":"All"}}', 'webhook={"exemptNamespaces":["kube-system","a"]}'];
  const objects = await renderChart({ set });
  expect(findObject(objects, 'ViolationSink', 'security')['spec']).toEqual({ type: 'stdout', from: 'All' });
  const env = (all: Rendered[]) =>
    (podSpecOf(findObject(all, 'Deployment', 'jspolicy-controller')) as unknown as { containers: { env: unknown[] }[] })
      .containers[0]?.env;
  expect(env(objects)).toContainEqual({ name: 'EXEMPT_NAMESPACES', value: 'kube-system,a' });
  expect(env(await renderChart())).toContainEqual({ name: 'EXEMPT_NAMESPACES', value: 'kube-node-lease' });
});

test(`${named}: labels of values stand once, beside the chart’s own`, async () => {
  const set = [
    'jspolicy={"extraLabels":{"team":"a","tier":"x"},"podLabels":{"team":"b","pod":"all"}}',
    'gateway.podLabels={"team":"c"}',
    'nats.podLabels={"team":"d"}',
    'nats.podAnnotations={"checksum/config":"mine","note":"kept"}',
    'podMonitor={"enabled":true,"labels":{"team":"e"}}',
  ];
  // The parser refuses a key that stands twice.
  const objects = await renderChart({ set });
  const pod = (kind: string, name: string) =>
    (findObject(objects, kind, name)['spec'] as { template: { metadata: Rendered['metadata'] } }).template.metadata;
  expect(pod('Deployment', 'jspolicy-gateway').labels).toMatchObject({ team: 'c', tier: 'x', pod: 'all' });
  expect(pod('Deployment', 'jspolicy-audit').labels).toMatchObject({ team: 'b', tier: 'x', pod: 'all' });
  expect(pod('StatefulSet', 'jspolicy-nats').labels).toMatchObject({ team: 'd', tier: 'x', pod: 'all' });
  expect(pod('StatefulSet', 'jspolicy-nats').annotations).toEqual({
    'checksum/config': expect.stringMatching(/^[0-9a-f]{64}$/),
    note: 'kept',
  });
  expect(findObject(objects, 'PodMonitor', 'jspolicy').metadata.labels).toMatchObject({ team: 'e', tier: 'x' });
});

test(`${named}: NATS may ask the cluster’s DNS, OpenShift’s too`, async () => {
  const ports = async (set: string[]) => {
    const { egress } = findObject(await renderChart({ set }), 'NetworkPolicy', 'jspolicy-nats')['spec'] as {
      egress: { to?: unknown; ports: { port: number; protocol: string }[] }[];
    };
    return egress.find(({ to }) => !to)?.ports.map(({ port, protocol }) => `${port}/${protocol}`);
  };
  expect(await ports([])).toEqual(['53/UDP', '53/TCP', '5353/UDP', '5353/TCP']);
  expect(await ports(['networkPolicy.dnsPorts=[1053]'])).toEqual(['1053/UDP', '1053/TCP']);
});

test(`${named}: the Pod of \`helm test\` stays for its log until the next one`, async () => {
  const objects = await renderChart();
  expect(findObject(objects, 'Pod', 'jspolicy-test').metadata.annotations).toEqual({
    'helm.sh/hook': 'test',
    'helm.sh/hook-delete-policy': 'before-hook-creation',
  });
  const { volumes } = podSpecOf(findObject(objects, 'Pod', 'jspolicy-test')) as unknown as {
    volumes: { configMap?: { name: string } }[];
  };
  const [name] = volumes.flatMap(({ configMap }) => configMap?.name ?? []);
  // Of the release, so that it goes with it.
  expect(findObject(objects, 'ConfigMap', name ?? '').metadata.annotations).toBeUndefined();
});

test(`${named}: the configuration of NATS has the permissions as they are`, async () => {
  const config = findObject(await renderChart(), 'ConfigMap', 'jspolicy-nats')['data'] as { 'nats.conf': string };
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
  const { initContainers } = podSpecOf(findObject(objects, 'StatefulSet', 'jspolicy-nats')) as unknown as {
    initContainers: { args: string[]; env: { name: string; value: string }[] }[];
  };
  const [{ args, env } = { args: [], env: [] }] = initContainers;
  expect(args).toEqual(['/etc/nats/only-writer.mjs']);
  const config = findObject(objects, 'ConfigMap', 'jspolicy-nats')['data'] as Record<string, string>;
  expect(config['only-writer.mjs']).toBe(await readFile(join(CHART_DIR, 'files/only-writer.mjs'), 'utf8'));
  // The name that nats-server gives its file of ports, as the first process of its container.
  const folder = /ports_file_dir: (\S+)/.exec(config['nats.conf'] ?? '')?.[1];
  expect(env).toContainEqual({ name: 'MARK', value: `${folder}/nats-server_1.ports` });
  expect(config['nats.conf']).toContain('store_dir: /data\n');
  expect(env).toContainEqual({ name: 'STORE_DIR', value: '/data/jetstream' });
});

test(`${named}: a small volume of NATS is taken with a small record of violations`, async () => {
  const set = ['nats.storage.size="512Mi"', 'env={"VIOLATIONS_MAX_MIB":100}'];
  const { volumeClaimTemplates } = findObject(await renderChart({ set }), 'StatefulSet', 'jspolicy-nats')['spec'] as {
    volumeClaimTemplates: unknown[];
  };
  expect(volumeClaimTemplates).toMatchObject([{ spec: { resources: { requests: { storage: '512Mi' } } } }]);
});

test.each([
  ['512Mi', '460MB'],
  ['4Gi', '3686MB'],
  ['2Ti', '1887436MB'],
])(`${named}: of a volume of %s JetStream takes %s, for not all that it writes is counted`, async (size, limit) => {
  const set = [`nats.storage.size="${size}"`, 'env={"VIOLATIONS_MAX_MIB":100}'];
  const { data } = findObject(await renderChart({ set }), 'ConfigMap', 'jspolicy-nats') as unknown as {
    data: Record<string, string>;
  };
  expect(data['nats.conf']).toMatch(`max_file_store: ${limit}\n`);
});

test(`${named}: a compiler is waited for as long as it may take`, async () => {
  const timeoutWith = async (bundleTimeoutSeconds: number) => {
    const objects = await renderChart({
      set: [`compiler=${JSON.stringify({ bundleTimeoutSeconds, terminationGracePeriodSeconds: 600 })}`],
    });
    const [container] = podSpecOf(findObject(objects, 'Deployment', 'jspolicy-controller'))[
      'containers'
    ] as unknown as {
      env: { name: string; value?: string }[];
    }[];
    return container?.env.find(({ name }) => name === 'COMPILE_TIMEOUT')?.value;
  };
  expect([await timeoutWith(30), await timeoutWith(60), await timeoutWith(600)]).toEqual(['100', '190', '600']);
});

test(`${named}: the webhook is asked by the API servers alone where these are known`, async () => {
  const fromOf = async (set: string[]) => {
    const { ingress } = findObject(await renderChart({ set }), 'NetworkPolicy', 'jspolicy-gateway')['spec'] as {
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
  // Kubernetes rounds a share up.
  const shares = async (share: string) => {
    const { gateway, evaluator } = await budgets([`podDisruptionBudget.minAvailable="${share}"`, 'replicaCount=4']);
    return [gateway, evaluator];
  };
  expect(await shares('50%')).toEqual([['50%'], ['50%']]);
  expect(await shares('51%')).toEqual([['51%'], 1]);
  expect(await shares('100%')).toEqual([1, 1]);
  expect(await shares('4')).toEqual([[3], [1]]);
  expect(await budgets(['podDisruptionBudget.maxUnavailable="50%"'])).toMatchObject({ audit: '50%', nats: 1 });
  const scaled = 'gateway.autoscaling={"enabled":true,"minReplicas":3}';
  expect(await budgets([scaled, 'replicaCount=1', 'podDisruptionBudget.minAvailable=5'])).toMatchObject({
    gateway: [2],
  });
});

test(`${named}: texts that look like numbers, and long names, stay what they are`, async () => {
  const set = [
    'serviceMonitor.enabled=true',
    'priorityClassName="123"',
    'serviceAccount={"create":false,"name":"123"}',
  ];
  const objects = await renderChart({ name: '123', set });
  for (const { metadata } of objects)
    for (const label of Object.values(metadata.labels)) expect(label).toEqual(expect.any(String));
  const subjects = objects.flatMap(({ subjects = [] }) => subjects as { namespace: unknown }[]);
  expect(new Set(subjects.map(({ namespace }) => namespace))).toEqual(new Set(['123']));
  expect(JSON.stringify(objects).match(/.{40}(:123[,}]|\[123\])/g)).toBeNull();

  const long = await renderChart({ name: 'r'.repeat(53), set: ['env={"LIMIT":10000000}'] });
  for (const { metadata } of long) expect(metadata.name.length).toBeLessThanOrEqual(63);
  const { containers } = podSpecOf(findObject(long, 'Deployment', `${'r'.repeat(40)}-audit`)) as unknown as {
    containers: { env: unknown[] }[];
  };
  expect(containers[0]?.env).toContainEqual({ name: 'LIMIT', value: '10000000' });

  const services = (await renderChart({ name: 'team.a' })).filter(({ kind }) => kind === 'Service');
  expect(services.map(({ metadata }) => metadata.name).sort()).toEqual(['jspolicy', 'team-a-jspolicy-nats-headless']);
  // A Service's name begins with a letter.
  for (const { kind, metadata } of objects) if (kind === 'Service') expect(metadata.name).toMatch(/^jspolicy(-123-|$)/);

  const [policy] = (await renderChart({ set: ['networkPolicy.apiServers=["::/0"]'] })).filter(
    ({ kind, metadata }) => kind === 'NetworkPolicy' && metadata.name === 'jspolicy-gateway',
  );
  expect(JSON.stringify(policy)).toContain('"cidr":"::/0"');
});
