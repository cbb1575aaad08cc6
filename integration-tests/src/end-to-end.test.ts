import { pod, waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ClusterClient } from './cluster-client.ts';
import { policy } from './manifests.ts';
import { type RunningCluster, startCluster } from './running-engine.ts';

const WEBHOOKS = '/apis/admissionregistration.k8s.io/v1';
let engine: RunningCluster;
let cluster: ClusterClient;

beforeAll(async () => {
  engine = await startCluster({ namespaces: ['team'] });
  cluster = engine.cluster;
});
afterAll(() => engine?.stop());

describe('a validating policy', () => {
  const name = 'no-latest.e2e.example';

  test('denies with its message, and the violation stands in the status', async () => {
    const javascript = `
      const container = request.object.spec.containers.find(({image}) => image.endsWith(":latest"));
      if (container) deny("container " + container.name + " uses latest", "LatestTag", 422);`;
    await cluster.applyPolicy(policy(name, javascript));
    const denied = await waitFor(
      async () => {
        const answer = await cluster.createPod(pod({ namespace: 'team', image: 'nginx:latest' }), '?dryRun=All');
        return answer.status !== 201 && answer;
      },
      { what: 'the denial' },
    );
    expect(denied.body).toMatchObject({
      message: `admission webhook "${name}" denied the request: container main uses latest`,
      reason: 'LatestTag',
      code: 422,
    });
    expect((await cluster.createPod(pod({ namespace: 'team' }), '?dryRun=All')).status).toBe(201);
    const [violation] = await cluster.violations(name, 1);
    expect(violation).toEqual({
      action: 'Deny',
      code: 422,
      reason: 'LatestTag',
      message: 'container main uses latest',
      requestInfo: { apiVersion: 'v1', kind: 'Pod', name: 'web', namespace: 'team', operation: 'CREATE' },
      userInfo: expect.objectContaining({ username: 'admin' }),
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    });
  });

  test('an edit that does not compile changes the status and nothing else', async () => {
    const path = `/apis/policy.jspolicy.com/v1beta1/jspolicies/${name}`;
    await cluster.call('PATCH', path, { spec: { javascript: 'if (' } });
    const failed = await waitFor(
      async () => {
        const { status } = await cluster.policy(name);
        return status?.phase === 'Failed' && status;
      },
      { what: 'the policy to be Failed' },
    );
    expect(failed).toMatchObject({ reason: 'CompileFailed' });
    expect(failed.message).toMatch(/^error bundling javascript: javascript:1:\d+/);
    expect((await cluster.createPod(pod({ namespace: 'team', image: 'nginx:latest' }), '?dryRun=All')).status).toBe(
      422,
    );
  });

  test('a policy that is deleted takes its webhook, bundle and violations with it', async () => {
    await cluster.removePolicy(name);
    const left = async () => {
      const webhook = await cluster.call('GET', `${WEBHOOKS}/validatingwebhookconfigurations/${name}`);
      const bundle = await cluster.call('GET', `/apis/policy.jspolicy.com/v1beta1/jspolicybundles/${name}`);
      const violations = await cluster.call('GET', `/apis/policy.jspolicy.com/v1beta1/jspolicyviolations/${name}`);
      return [webhook, bundle, violations].filter(({ status }) => status !== 404).length;
    };
    await waitFor(async () => (await left()) === 0, { what: 'everything of the policy to be gone' });
    const passes = async () =>
      (await cluster.createPod(pod({ namespace: 'team', image: 'nginx:latest' }), '?dryRun=All')).status === 201;
    await waitFor(passes, { what: 'the API server to ask no more' });
  });
});

test('a warning is a Warning header for the client', async () => {
  await cluster.applyPolicy(
    policy('warns.e2e.example', 'warn("be careful"); deny("not today")', { violationPolicy: 'warn' }),
  );
  const answer = await waitFor(
    async () => {
      const created = await cluster.createPod(pod({ namespace: 'team' }), '?dryRun=All');
      return created.headers.warning && created;
    },
    { what: 'a warning' },
  );
  expect(answer.status).toBe(201);
  expect(answer.headers.warning).toBe(
    '299 - "[warns.e2e.example]: be careful", 299 - "[warns.e2e.example]: not today"',
  );
  const [violation] = await cluster.violations('warns.e2e.example', 1);
  expect(violation).toMatchObject({ action: 'Warn', message: 'not today' });
  await cluster.removePolicy('warns.e2e.example');
});

test('a mutating policy changes the Pod', async () => {
  const javascript = `
    if (request.object.metadata?.annotations?.["inject-agent"] === "true") {
      request.object.spec.containers.push({name: "agent", image: "registry.example.com/agent:1.0"});
      mutate(request.object);
    }`;
  await cluster.applyPolicy(policy('injects.e2e.example', javascript, { type: 'Mutating' }));
  const annotated = pod({ namespace: 'team', annotations: { 'inject-agent': 'true' } });
  const created = await waitFor(
    async () => {
      const answer = await cluster.createPod(annotated, '?dryRun=All');
      return answer.body.spec?.containers.length === 2 && answer;
    },
    { what: 'two containers' },
  );
  expect(created.body.spec.containers[1]).toMatchObject({ name: 'agent', image: 'registry.example.com/agent:1.0' });
  const plain = await cluster.createPod(pod({ namespace: 'team' }), '?dryRun=All');
  expect(plain.body.spec.containers).toHaveLength(1);
  await cluster.removePolicy('injects.e2e.example');
});

test('get() and list() read the cluster', async () => {
  const javascript = `
    const namespace = get("Namespace", "v1", request.namespace);
    const maps = list("ConfigMap", "v1", {namespace: request.namespace, labelSelector: "team in (a, b)"});
    deny(namespace.metadata.name + " has " + maps.map(m => m.metadata.name).join());`;
  const map = (name: string, team: string) =>
    cluster.call('POST', '/api/v1/namespaces/team/configmaps', {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, labels: { team } },
    });
  await Promise.all([map('one', 'a'), map('two', 'b'), map('three', 'c')]);
  await cluster.applyPolicy(policy('reads.e2e.example', javascript));
  const denied = await waitFor(
    async () => {
      const answer = await cluster.createPod(pod({ namespace: 'team' }), '?dryRun=All');
      return answer.status === 403 && answer;
    },
    { what: 'the denial' },
  );
  expect(denied.body.message).toContain('denied the request: team has one,two');
  await cluster.removePolicy('reads.e2e.example');
});

test('with failurePolicy Ignore a policy that throws lets the request pass', async () => {
  await cluster.applyPolicy(policy('throws.e2e.example', 'throw new Error("boom")'));
  const failed = await waitFor(
    async () => {
      const answer = await cluster.createPod(pod({ namespace: 'team' }), '?dryRun=All');
      return answer.status !== 201 && answer;
    },
    { what: 'the failure' },
  );
  expect(failed.body.message).toContain(
    'admission webhook "throws.e2e.example" denied the request: Uncaught Error: boom',
  );
  await cluster.call('PATCH', '/apis/policy.jspolicy.com/v1beta1/jspolicies/throws.e2e.example', {
    spec: { failurePolicy: 'Ignore' },
  });
  await waitFor(async () => (await cluster.createPod(pod({ namespace: 'team' }), '?dryRun=All')).status === 201, {
    what: 'the failure to be ignored',
  });
  await cluster.removePolicy('throws.e2e.example');
});
