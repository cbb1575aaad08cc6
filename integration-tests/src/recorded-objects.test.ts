import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type KubeApiServer, kubeForTest, kubeRequest, pod, waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { ClusterClient } from './cluster-client.ts';
import { oracleFolder } from './material.ts';
import { type Any, recorded, relevant, scriptOf } from './recorded-objects.ts';
import { type Stack, startStack } from './stack.ts';

const ORACLE = oracleFolder();
const GOLDEN = join(ORACLE ?? '', 'golden');
const KINDS = '/apis/policy.jspolicy.com/v1beta1';
const WEBHOOKS = '/apis/admissionregistration.k8s.io/v1';
/** Recorded policy, its file, and the phase that it reaches. A Controller policy is judged elsewhere. */
const POLICIES: [input: string, name: string, golden: string][] = [
  ['1-validating-minimal', 'g1-minimal', '1-minimal'],
  ['2-mutating-all-fields', 'g2-mutating', '2-mutating'],
  ['4-precompiled', 'g4-precompiled', '4-precompiled'],
  ['5-bundle-missing', 'g5-missing', '5-missing'],
  ['6-compile-failed', 'g6-syntax', '6-syntax'],
  ['7-dependencies', 'g7-dependencies', '7-dependencies'],
  ['8-dependencies-failed', 'g8-npm-failed', '8-npm-failed'],
  ['9-dry-cluster-scoped', 'g9-dry', '9-dry'],
];

describe.skipIf(!ORACLE || !existsSync(GOLDEN))('what jsPolicy wrote (JSPOLICY_ORACLE_DIR)', () => {
  let kube: KubeApiServer;
  let stack: Stack;
  let cluster: ClusterClient;

  const call = (method: string, path: string, body?: unknown, user = 'admin') =>
    kubeRequest(kube, method, path, body, { token: kube.tokens[user] ?? kube.token });
  const inGolden = (plural: string, object: unknown, user?: string) =>
    call('POST', `/api/v1/namespaces/golden/${plural}`, object, user);
  const denial = async (answer: () => Promise<Any>) =>
    (
      await waitFor(
        async () => {
          const got = await answer();
          return got.status >= 400 && got;
        },
        { what: 'a denial' },
      )
    ).body;

  /** Everything that stands in the cluster for a policy, by kind. */
  async function written(policy: string): Promise<Record<string, Any>> {
    const configurations = async (kind: string) =>
      (await call('GET', `${WEBHOOKS}/${kind}webhookconfigurations`)).body.items;
    const [validating, mutating] = await Promise.all(['validating', 'mutating'].map(configurations));
    const ofPolicy = ({ webhooks }: Any) => webhooks[0].name === policy;
    const own = await Promise.all(
      ['jspolicies', 'jspolicybundles', 'jspolicyviolations'].map((plural) =>
        call('GET', `${KINDS}/${plural}/${policy}`),
      ),
    );
    const kinds = {
      ValidatingWebhookConfiguration: validating.find(ofPolicy),
      MutatingWebhookConfiguration: mutating.find(ofPolicy),
    };
    const found = own.filter(({ status }) => status === 200).map(({ body }) => [body.kind, body]);
    const group = { apiVersion: 'admissionregistration.k8s.io/v1' };
    const registered = Object.entries(kinds).flatMap(([kind, each]) =>
      each ? [[kind, { ...group, kind, ...each }]] : [],
    );
    return Object.fromEntries([...found, ...registered]);
  }

  async function expectAsRecorded(policy: string, file: string) {
    const expected = Object.entries(recorded(join(GOLDEN, `${file}.golden.yaml`)));
    const got = await written(policy);
    const all = (objects: [string, Any][]) => Object.fromEntries(objects.map(([kind, each]) => [kind, relevant(each)]));
    expect(all(Object.entries(got))).toEqual(all(expected));
  }

  beforeAll(async () => {
    kube = await kubeForTest({ users: [{ name: 'alice', groups: ['system:masters'] }] });
    stack = await startStack({ cluster: { kube } });
    cluster = new ClusterClient(kube);
    await cluster.servesKinds();
    await cluster.createNamespace('golden');
    for (const [input] of POLICIES) {
      const documents = parseAllDocuments(readFileSync(join(GOLDEN, `${input}.in.yaml`), 'utf8'));
      for (const object of documents.map((document) => document.toJS())) {
        const plural = object.kind === 'JsPolicy' ? 'jspolicies' : 'jspolicybundles';
        expect((await call('POST', `${KINDS}/${plural}`, object)).status).toBe(201);
      }
    }
    for (const [, name, golden] of POLICIES) {
      const { phase } = recorded(join(GOLDEN, `${golden}.golden.yaml`))['JsPolicy'].status;
      await waitFor(async () => (await cluster.policy(`${name}.golden.example`)).status?.phase === phase, {
        what: `${name} to be ${phase}`,
      });
    }
  });
  afterAll(async () => {
    await stack?.stop();
    await kube?.stop();
  });

  test('requests are answered in the recorded words', async () => {
    const said = readFileSync(join(GOLDEN, 'client-output.txt'), 'utf8');
    const configMap = (name: string) => ({ metadata: { name } });
    for (const [user, name] of [
      ['admin', 'c1'],
      ['alice', 'c2'],
    ] as const) {
      const { message } = await denial(() => inGolden('configmaps', configMap(name), user));
      expect(said).toContain(`error: failed to create configmap: ${message}`);
    }
    const live = (name: string) => pod({ namespace: 'golden', name, labels: { live: 'true' } });
    const bad = await denial(() => inGolden('pods', live('bad')));
    expect(said).toContain(`Error from server (${bad.reason}): ${bad.message}`);
    expect((await inGolden('pods', live('good'))).body.metadata.labels).toEqual({ live: 'true', mutated: 'yes' });
    const secret = await denial(() => inGolden('secrets', { metadata: { name: 's1' } }));
    expect(said).toContain(`error: failed to create secret ${secret.message}`);
    const warned = (answer: Any) =>
      [...String(answer.headers.warning).matchAll(/299 - "(.*?)"(,|$)/g)].map(([, text]) => `Warning: ${text}`);
    const service = { metadata: { name: 'svc1' }, spec: { ports: [{ port: 80 }] } };
    expect(said).toContain(['$ service', ...warned(await inGolden('services', service))].join('\n'));
    const created = await call('POST', '/api/v1/namespaces', { metadata: { name: 'golden-ns-1' } });
    expect([created.status, said]).toEqual([
      201,
      expect.stringContaining(['$ namespace golden-ns-1', ...warned(created)].join('\n')),
    ]);
    const deleted = await call('DELETE', '/api/v1/namespaces/golden-ns-1');
    expect([deleted.status, said]).toEqual([
      200,
      expect.stringContaining(['$ delete namespace golden-ns-1', ...warned(deleted)].join('\n')),
    ]);
    await Promise.all(
      [
        ['g1-minimal', 2],
        ['g2-mutating', 1],
        ['g4-precompiled', 1],
        ['g7-dependencies', 1],
        ['g9-dry', 2],
      ].map(([name, count]) => cluster.violations(`${name}.golden.example`, Number(count))),
    );
  });

  test.each(POLICIES)('%s: status, bundle, webhook configuration and violations', async (_input, name, golden) => {
    await expectAsRecorded(`${name}.golden.example`, golden);
  });

  describe('when the minimal policy is changed', () => {
    const policy = 'g1-minimal.golden.example';
    const edited = (file: string) => recorded(join(GOLDEN, `1-minimal-${file}.golden.yaml`));
    const configuration = async () => (await written(policy))['ValidatingWebhookConfiguration'];
    /** As the recorded one was: all of spec in its new form. */
    async function change(file: string, phase: string) {
      const { metadata, spec } = edited(file)['JsPolicy'];
      const { body } = await call('GET', `${KINDS}/jspolicies/${policy}`);
      const labels = metadata.labels;
      const { body: updated } = await call('PUT', `${KINDS}/jspolicies/${policy}`, {
        ...body,
        spec,
        metadata: { ...body.metadata, labels },
      });
      await waitFor(
        async () => {
          const { status } = await cluster.policy(policy);
          return status.observedGeneration === updated.metadata.generation && status.phase === phase;
        },
        { what: `the change to be ${phase}` },
      );
    }

    test('its webhook configuration keeps its name', async () => {
      const before = (await configuration()).metadata.name;
      await change('updated', 'Synced');
      await waitFor(async () => (await configuration()).webhooks[0].failurePolicy === 'Ignore', { what: 'the change' });
      const { JsPolicy: policyNow, ValidatingWebhookConfiguration: registered } = await written(policy);
      expect([policyNow, registered].map(relevant)).toEqual(Object.values(edited('updated')).map(relevant));
      expect(registered.metadata.name).toBe(before);
    });

    test('to what does not compile, the bundle and (on purpose) the webhook stay', async () => {
      const before = await written(policy);
      await change('broken-update', 'Failed');
      const after = await written(policy);
      expect(relevant(after['JsPolicy'])).toEqual(relevant(edited('broken-update')['JsPolicy']));
      expect(scriptOf(after['JsPolicyBundle'])).toBe(scriptOf(before['JsPolicyBundle']));
      expect(after['ValidatingWebhookConfiguration']).toEqual(before['ValidatingWebhookConfiguration']);
    });

    test('to none, the last bundle is in force', async () => {
      await change('javascript-removed', 'Synced');
      const after = await written(policy);
      expect(relevant(after['JsPolicy'])).toEqual(relevant(edited('javascript-removed')['JsPolicy']));
      const { message } = await denial(() => inGolden('configmaps', { metadata: { name: 'c3' } }));
      expect(message).toContain('second');
    });

    test('to be gone, all of it goes', async () => {
      await cluster.removePolicy(policy);
      await waitFor(async () => Object.keys(await written(policy)).length === 0, { what: 'all to be gone' });
    });
  });

  test('the webhook of its own kinds', async () => {
    const path = `${WEBHOOKS}/validatingwebhookconfigurations/jspolicy`;
    const { body } = await waitFor(
      async () => {
        const got = await call('GET', path);
        return got.status === 200 && got;
      },
      { what: 'the own webhook' },
    );
    expect(relevant(body)).toEqual(
      relevant(recorded(join(GOLDEN, 'own-webhook.golden.yaml'))['ValidatingWebhookConfiguration']),
    );
  });

  test('every recorded file is looked at, here or by the tests of reports, checks and Controller policies', () => {
    const here = ['1-minimal', ...POLICIES.map(([, , golden]) => golden), 'own-webhook', 'client-output'];
    const elsewhere = ['3-controller', 'policy-reports', 'client-output-policy-reports', 'crds-admission'];
    const names = readdirSync(GOLDEN).filter((file) => !file.endsWith('.in.yaml'));
    const known = [...here, ...elsewhere];
    expect(names.filter((file) => !known.some((name) => file.startsWith(name)))).toEqual([]);
  });
});
