import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JsPolicySpec } from '@jspolicy/contracts';
import { pod, waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ClusterClient } from './cluster-client.ts';
import { policy } from './manifests.ts';
import { seedsFolder } from './material.ts';
import { linesOf, restoredPolicy } from './restored-manifest.ts';
import { type RunningCluster, startCluster } from './running-engine.ts';

const SEEDS = seedsFolder();
const PAGE = '001_9d633d0e21cc7d50.txt';
const WEBHOOKS = '/apis/admissionregistration.k8s.io/v1';

/** Three groups of settings: the type, what triggers a policy, and how it runs. */
interface Settings {
  type: Partial<JsPolicySpec>;
  trigger: JsPolicySpec;
  runtime: JsPolicySpec;
}

const OWN: Settings = {
  type: { type: 'Validating' },
  trigger: {
    type: 'Mutating',
    operations: ['UPDATE', 'CREATE'],
    resources: ['pods', 'deployments'],
    scope: 'Namespaced',
    namespaceSelector: {
      matchLabels: { watched: 'yes' },
      matchExpressions: [{ key: 'environment', operator: 'In', values: ['staging', 'prod'] }],
    },
    objectSelector: { matchLabels: { live: 'true' }, matchExpressions: [{ key: 'quiet', operator: 'DoesNotExist' }] },
    matchPolicy: 'Exact',
    apiGroups: ['', 'apps'],
    apiVersions: ['v1'],
  },
  runtime: {
    operations: ['CREATE', 'UPDATE'],
    resources: ['pods', 'deployments'],
    violationPolicy: 'wArN',
    failurePolicy: 'Ignore',
    reinvocationPolicy: 'IfNeeded',
    auditPolicy: 'Skip',
    timeoutSeconds: 7,
  },
};

let engine: RunningCluster;
let cluster: ClusterClient;

beforeAll(async () => {
  engine = await startCluster();
  cluster = engine.cluster;
  await Promise.all([namespace('production', 'prod'), namespace('testing', 'test'), cluster.createNamespace('other')]);
});
afterAll(() => engine?.stop());

const namespace = (name: string, environment: string) =>
  cluster.call('POST', '/api/v1/namespaces', { metadata: { name, labels: { environment, watched: 'yes' } } });

describe('settings of our own', () => {
  settingsHold(() => OWN, 'own');
});

describe.skipIf(!SEEDS)('the settings of the published page, verbatim (JSPOLICY_SEEDS_DIR)', () => {
  const published = (): Settings => {
    const page = readFileSync(join(SEEDS ?? '', PAGE), 'utf8');
    const spec = (heading: string) => restoredPolicy(linesOf(page, 'kind: JsPolicy', heading)).spec;
    return { type: spec('Policy Type#'), trigger: spec('Policy Trigger#'), runtime: spec('Runtime Settings#') };
  };
  settingsHold(published, 'published');
});

function settingsHold(settings: () => Settings, of: string): void {
  const apply = (name: string, spec: JsPolicySpec) =>
    cluster.applyPolicy(policy(`${name}.${of}.example`, spec.javascript ?? '', spec));

  test('type', async () => {
    const { type } = settings();
    await apply('typed', { operations: ['CREATE'], resources: ['configmaps'], ...type, javascript: 'allow()' });
    expect(await entryOf(`typed.${of}.example`, 'validating')).toBeDefined();
    await cluster.removePolicy(`typed.${of}.example`);
  });

  test('what triggers a policy stands in its webhook, and triggers it', async () => {
    const { trigger } = settings();
    await apply('triggered', { ...trigger, javascript: 'warn("seen")' });
    const { operations, resources, apiGroups, apiVersions, scope } = trigger;
    const { matchPolicy, namespaceSelector, objectSelector } = trigger;
    expect(await entryOf(`triggered.${of}.example`, 'mutating')).toMatchObject({
      rules: [{ operations, resources, apiGroups, apiVersions, scope }],
      ...{ matchPolicy, namespaceSelector, objectSelector, reinvocationPolicy: 'Never' },
    });
    await waitFor(() => isSeen('production', { live: 'true' }), { what: 'the policy to be triggered' });
    expect(await isSeen('production', { live: 'false' })).toBe(false);
    expect(await isSeen('testing', { live: 'true' })).toBe(false);
    expect(await isSeen('other', { live: 'true' })).toBe(false);
    const service = { metadata: { name: 'a', labels: { live: 'true' } }, spec: { ports: [{ port: 80 }] } };
    const ofService = await cluster.call('POST', '/api/v1/namespaces/production/services?dryRun=All', service);
    expect([ofService.status, ofService.headers.warning]).toEqual([201, undefined]);
    await cluster.removePolicy(`triggered.${of}.example`);
  });

  test('violationPolicy, auditPolicy and timeoutSeconds', async () => {
    const { runtime } = settings();
    await apply('warns', { ...runtime, javascript: 'deny("not so")' });
    const { failurePolicy, timeoutSeconds, operations } = runtime;
    const entry = await entryOf(`warns.${of}.example`, 'validating');
    expect(entry).toMatchObject({ failurePolicy, timeoutSeconds, rules: [{ operations }] });
    expect((await cluster.policy(`warns.${of}.example`)).spec.violationPolicy).toBe('Warn');
    const answer = await waitFor(
      async () => {
        const created = await cluster.createPod(pod({ namespace: 'other' }), '?dryRun=All');
        return created.headers.warning && created;
      },
      { what: 'the warning' },
    );
    expect([answer.status, answer.headers.warning]).toEqual([201, `299 - "[warns.${of}.example]: not so"`]);
    // One that is logged comes after those that are not: when it is there, they would be.
    await apply('logs', { ...runtime, auditPolicy: 'Log', javascript: 'deny("logged")' });
    await waitFor(
      async () =>
        (await cluster.createPod(pod({ namespace: 'other' }), '?dryRun=All')).headers.warning?.includes('logged'),
      { what: 'the second warning' },
    );
    await cluster.violations(`logs.${of}.example`, 1);
    const path = `/apis/policy.jspolicy.com/v1beta1/jspolicyviolations/warns.${of}.example`;
    expect((await cluster.call('GET', path)).status).toBe(404);
    await Promise.all(['warns', 'logs'].map((name) => cluster.removePolicy(`${name}.${of}.example`)));
  });

  test('failurePolicy', async () => {
    const { runtime } = settings();
    const change = { resources: ['configmaps'], violationPolicy: 'Deny' };
    await apply('fails', { ...runtime, ...change, javascript: 'if (request.object.data?.fail) nowhere(); deny("no")' });
    const created = (data: object) =>
      cluster.call('POST', '/api/v1/namespaces/other/configmaps?dryRun=All', { metadata: { name: 'a' }, data });
    await waitFor(async () => (await created({})).status === 403, { what: 'the denial' });
    expect((await created({ fail: 'yes' })).status).toBe(201);
    await cluster.removePolicy(`fails.${of}.example`);
  });

  test('reinvocationPolicy: what another one changes later is judged again', async () => {
    const { runtime } = settings();
    const common = { operations: ['CREATE'], resources: ['secrets'], type: 'Mutating' as const };
    const count = `const labels = request.object.metadata.labels ??= {};
      labels.NAME = String(Number(labels.NAME ?? 0) + 1);
      if (Number(labels.NAME) < 3) mutate(request.object);`;
    const { reinvocationPolicy = 'Never' } = runtime;
    await apply('again', { ...common, reinvocationPolicy, javascript: count.replaceAll('NAME', 'first') });
    await apply('later', { ...common, javascript: count.replaceAll('NAME', 'second') });
    const labels = await waitFor(
      async () => {
        const path = '/api/v1/namespaces/other/secrets?dryRun=All';
        const { body } = await cluster.call('POST', path, { metadata: { name: 'a' } });
        return body.metadata.labels?.first && body.metadata.labels.second && body.metadata.labels;
      },
      { what: 'both labels' },
    );
    expect(labels).toEqual({ first: '2', second: '1' });
    await Promise.all(['again', 'later'].map((name) => cluster.removePolicy(`${name}.${of}.example`)));
  });
}

async function isSeen(inNamespace: string, labels: Record<string, string>): Promise<boolean> {
  const { headers } = await cluster.createPod(pod({ namespace: inNamespace, labels }), '?dryRun=All');
  return headers.warning !== undefined;
}

/** The policy's entry in its webhook configuration. */
async function entryOf(policy: string, kind: 'validating' | 'mutating') {
  const { body } = await cluster.call('GET', `${WEBHOOKS}/${kind}webhookconfigurations`);
  const entries = body.items.flatMap(({ webhooks }: { webhooks: { name: string }[] }) => webhooks);
  return entries.find(({ name }: { name: string }) => name === policy);
}
