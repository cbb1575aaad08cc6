import { resolve } from 'node:path';
import { type Cluster, connectApiServer, installCrds } from '@jspolicy/kube';
import { judgeOwnKind } from '@jspolicy/policy';
import { createLogger } from '@jspolicy/runtime';
import { kubeForTest, kubeRequest } from '@jspolicy/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KINDS, policy } from './controller-stack.test-part.ts';

const CRDS = resolve(import.meta.dirname, '../../../k8s/crds');
const log = createLogger({ service: 'test', level: 'silent' });

let kube: Awaited<ReturnType<typeof kubeForTest>>;
let cluster: Cluster & { close(): void };

beforeAll(async () => {
  kube = await kubeForTest();
  cluster = await connectApiServer({ kubeconfig: kube.kubeconfigPath, log, namespace: 'jspolicy' });
  await installCrds(cluster, CRDS);
});
afterAll(async () => {
  cluster?.close();
  await kube?.stop();
});

const create = (object: unknown) => kubeRequest(kube, 'POST', `${KINDS}/jspolicies?dryRun=All`, object);

/** Whether the webhook that is asked when the engine runs would allow it. */
const judged = (object: unknown): boolean =>
  judgeOwnKind(
    {
      operation: 'CREATE',
      kind: { group: 'policy.jspolicy.com', version: 'v1beta1', kind: 'JsPolicy' },
      object,
      oldObject: null,
    },
    'complete',
  ).allowed;

const listOf = (...words: string[]) => fc.array(fc.constantFrom(...words), { maxLength: 4 });
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 3 });
const expression = fc.record({
  key: fc.constantFrom('a', 'example.com/a', '', '-', 'a/b/c'),
  operator: fc.constantFrom('In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt'),
  values: maybe(listOf('x', 'y')),
});
const SPEC = fc.record({
  type: maybe(fc.constantFrom('', 'Validating', 'Mutating', 'Controller')),
  operations: listOf('CREATE', 'UPDATE', 'DELETE', 'CONNECT', '*'),
  resources: listOf('pods', 'pods/*', 'pods/log', '*/log', '*', '*/*', 'jobs', 'a/b/c', ''),
  apiGroups: maybe(listOf('', 'apps', '*')),
  apiVersions: maybe(listOf('v1', '*', '')),
  timeoutSeconds: maybe(fc.integer({ min: -1, max: 32 })),
  auditLogSize: maybe(fc.integer({ min: -1, max: 42 })),
  violationPolicy: maybe(fc.constantFrom('deny', 'WARN', 'Dry', 'Controller', '')),
  objectSelector: maybe(
    fc.record({
      matchLabels: maybe(fc.dictionary(fc.constantFrom('a', 'a/b', 'bad key'), fc.constantFrom('', 'x', 'bad value'))),
      matchExpressions: maybe(fc.array(expression, { maxLength: 1 })),
    }),
  ),
});

describe('the schema, while no webhook is asked', () => {
  test('refuses what the webhook refuses, and nothing else', async () => {
    const seen = { allowed: 0, refused: 0 };
    // One field at a time: of two that are wrong the second would tell nothing.
    const one = SPEC.chain((spec) => {
      const fields = Object.entries(spec).filter(([, value]) => value !== undefined);
      return fc.constantFrom(...fields.map(([field, value]) => ({ [field]: value })));
    });
    const property = fc.asyncProperty(one, fc.boolean(), async (field, asController) => {
      const type = asController ? { type: 'Controller' } : {};
      const object = policy('some.schema.example', { ...type, ...field });
      const { status, body } = await create(object);
      const allowed = judged(object);
      seen[allowed ? 'allowed' : 'refused']++;
      expect([status < 400, status === 201 ? '' : body.message]).toEqual([allowed, allowed ? '' : body.message]);
    });
    await fc.assert(property, { numRuns: 400 });
    expect(Math.min(seen.allowed, seen.refused)).toBeGreaterThan(50);
  });

  test('keeps the type, and "" and Validating are two', async () => {
    const name = 'typed.schema.example';
    const path = `${KINDS}/jspolicies/${name}`;
    expect((await kubeRequest(kube, 'POST', `${KINDS}/jspolicies`, policy(name, { type: '' }))).status).toBe(201);
    const changed = await kubeRequest(kube, 'PATCH', path, { spec: { type: 'Validating' } });
    expect([changed.status, changed.body.message]).toEqual([422, expect.stringContaining('type is immutable')]);
    expect((await kubeRequest(kube, 'PATCH', path, { spec: { type: null, operations: ['*'] } })).status).toBe(200);
  });

  test('wants a name of three parts', async () => {
    const { status, body } = await create(policy('two.parts', {}));
    expect([status, body.message]).toEqual([422, expect.stringContaining('at least three segments')]);
  });

  test('has room for a hundred resources', async () => {
    const resources = Array.from({ length: 100 }, (_, index) => `things${index}/${'x'.repeat(200)}`);
    expect((await create(policy('large.schema.example', { resources }))).status).toBe(201);
  });
});
