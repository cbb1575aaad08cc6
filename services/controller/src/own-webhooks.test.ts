import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ensureCertificates } from '@jspolicy/certificates';
import { startProcess, type TempDir, type TestProcess, tempDir, waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type ControllerProcess,
  type ControllerStack,
  KINDS,
  policy,
  policyPath,
  startStack,
  untilLeading,
  WEBHOOKS,
} from './controller-stack.test-part.ts';

const GATEWAY = resolve(import.meta.dirname, '../../gateway/dist/main.js');
const VALIDATING = `${WEBHOOKS}/validatingwebhookconfigurations/jspolicy`;
const MUTATING = `${WEBHOOKS}/mutatingwebhookconfigurations/jspolicy`;
const NAME = 'asked.controller.example';

let stack: ControllerStack;
let controller: ControllerProcess;
let gateway: TestProcess;
let dir: TempDir;

beforeAll(async () => {
  [stack, dir] = await Promise.all([startStack(), tempDir()]);
  const files = await ensureCertificates(join(dir.path, 'tls'), { dnsNames: [], ipAddresses: ['127.0.0.1'] });
  gateway = await startProcess(process.execPath, [GATEWAY], {
    env: {
      NATS_URL: stack.natsUrl,
      HOST: '127.0.0.1',
      PORT: '0',
      TLS_CERT_FILE: files.certFile,
      TLS_KEY_FILE: files.keyFile,
    },
    readyWhen: /"msg":"ready"/,
  });
  const { port } = JSON.parse(gateway.lines.find((line) => line.includes('"msg":"ready"')) ?? '{}');
  await stack.startCompiler();
  controller = await stack.startController({
    WEBHOOK_URL: `https://127.0.0.1:${port}`,
    WEBHOOK_CA_FILE: files.caFile,
    UPDATE_WEBHOOK: 'true',
  });
  await untilLeading(stack, controller);
  await untilAsked();
});
afterAll(async () => {
  await gateway?.stop();
  await stack?.stop();
  await dir?.remove();
});

const create = (name: string, spec: object) => stack.call('POST', `${KINDS}/jspolicies?dryRun=All`, policy(name, spec));

/** An API server reads its webhook configurations within a second or two. */
const untilAsked = () =>
  waitFor(
    async () => {
      const [early, late] = [await create(NAME, { violationPolicy: 'dry' }), await create(NAME, { operations: ['x'] })];
      return early.body.spec?.violationPolicy === 'Dry' && late.body.message?.startsWith('admission webhook');
    },
    { what: 'the API server to ask about our kinds' },
  );

describe('the API server asks about our kinds', () => {
  test('by two configurations, which are complete', async () => {
    const rules = [
      {
        apiGroups: ['policy.jspolicy.com'],
        apiVersions: ['v1beta1'],
        operations: ['CREATE', 'UPDATE'],
        resources: ['*'],
        scope: '*',
      },
    ];
    const both = { name: 'jspolicy.jspolicy.com', rules, sideEffects: 'None', matchPolicy: 'Equivalent' };
    expect((await stack.get(VALIDATING)).webhooks).toMatchObject([
      {
        ...both,
        clientConfig: { url: expect.stringMatching(/:\d+\/crds$/) },
        failurePolicy: 'Fail',
        timeoutSeconds: 10,
        admissionReviewVersions: ['v1', 'v1beta1'],
      },
    ]);
    expect((await stack.get(MUTATING)).webhooks).toMatchObject([
      { ...both, clientConfig: { url: expect.stringMatching(/\/crds\/before-schema$/) }, failurePolicy: 'Ignore' },
    ]);
  });

  test.each([
    [{ operations: [] }, 403, 'denied the request: spec.rules.operations: Required value'],
    [{ scope: 'namespaced' }, 403, 'denied the request: spec.rules.scope: Unsupported value: "namespaced"'],
    [{ timeoutSeconds: 31 }, 403, 'spec.timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30'],
    [{ timeoutSeconds: 'x' }, 422, 'spec.timeoutSeconds in body must be of type integer'],
  ])('%j is refused with %i: in our words, but for what has a wrong type', async (spec, status, text) => {
    const { status: got, body } = await create(NAME, spec);
    expect([got, body.message]).toEqual([status, expect.stringContaining(text)]);
  });

  test('a name that is too short, and another type, are refused in our words', async () => {
    expect((await create('two.parts', {})).body.message).toBe(
      'admission webhook "jspolicy.jspolicy.com" denied the request: metadata.name: Invalid value: "two.parts": should be a domain with at least three segments separated by dots',
    );
    expect((await create('Upper.case.name', {})).body.message).toContain('a lowercase RFC 1123 subdomain must consist');
    await stack.call('POST', `${KINDS}/jspolicies`, policy(NAME, { javascript: 'allow()', violationPolicy: 'WARN' }));
    const changed = await stack.call('PATCH', policyPath(NAME), { spec: { type: 'Validating' } });
    expect(changed.body.message).toBe(
      'admission webhook "jspolicy.jspolicy.com" denied the request: spec.type: Invalid value: "Validating": type is immutable',
    );
  });

  test('violationPolicy is stored in one form', async () => {
    const { spec } = await stack.status(NAME, 'Synced');
    expect(spec.violationPolicy).toBe('Warn');
  });

  test('both come back within 10 s when they are edited or deleted, and labels of others stay', async () => {
    const before = { validating: await stack.get(VALIDATING), mutating: await stack.get(MUTATING) };
    await stack.call('PATCH', VALIDATING, { metadata: { labels: { kept: 'yes' } }, webhooks: [] });
    await stack.call('DELETE', MUTATING);
    await waitFor(async () => (await stack.get(VALIDATING)).webhooks && (await stack.get(MUTATING)).webhooks, {
      what: 'both to be there again',
    });
    const after = await stack.get(VALIDATING);
    expect(after.webhooks).toEqual(before.validating.webhooks);
    expect(after.metadata.labels).toEqual({ kept: 'yes' });
    expect((await stack.get(MUTATING)).webhooks).toEqual(before.mutating.webhooks);
  });

  test('an edit that changes nothing of it is not written over', async () => {
    const writes = await controller.writes('WebhookConfiguration');
    await stack.call('PATCH', VALIDATING, { metadata: { annotations: { note: 'looked at' } } });
    await stack.call('PATCH', MUTATING, { webhooks: [] });
    await waitFor(async () => (await stack.get(MUTATING)).webhooks, { what: 'the look at both' });
    expect((await controller.writes('WebhookConfiguration')) - writes).toBe(1);
    expect((await stack.get(VALIDATING)).metadata.annotations).toEqual({ note: 'looked at' });
  });
});

interface Recorded {
  name: string;
  object?: unknown;
  apiServer?: { code: number; message?: string };
}
const RECORDED = join(process.env['JSPOLICY_ORACLE_DIR'] ?? '', 'golden/crds-admission.json');
/** violationPolicy is read in any case. */
const DIFFERENT_ON_PURPOSE = ['violation-policy-bad'];

test.skipIf(!existsSync(RECORDED))('what jsPolicy’s users were told through an API server is told now', async () => {
  const recorded = JSON.parse(readFileSync(RECORDED, 'utf8')) as Recorded[];
  const cases = recorded.filter(({ object, apiServer }) => object && apiServer);
  const different: string[] = [];
  for (const { name, object, apiServer } of cases) {
    const { status, body } = await stack.call('POST', `${KINDS}/jspolicies?dryRun=All`, object);
    if (status !== apiServer?.code || !isTold(status, body.message, apiServer.message)) different.push(name);
  }
  expect(cases.length).toBeGreaterThan(0);
  expect(different).toEqual(DIFFERENT_ON_PURPOSE);
});

/** Of a wrong type the API server says, after the same words, that it did not look at the other rules of the schema. */
function isTold(status: number, message: string | undefined, wanted: string | undefined): boolean {
  if (status !== 422) return status < 400 || message === wanted;
  return message?.includes(wanted?.split(' is invalid: ')[1] ?? '') ?? false;
}

describe('without an engine', () => {
  beforeAll(async () => {
    await stack.call('PATCH', policyPath(NAME), { metadata: { finalizers: ['test.example/held'] } });
    await controller.child.stop();
    await gateway.stop();
  });

  test('nothing of our kinds is created unjudged, and what the schema knows is refused by it', async () => {
    expect((await create('new.controller.example', {})).body.message).toContain('failed calling webhook');
    const { status, body } = await create('new.controller.example', { operations: ['x'] });
    expect([status, body.message]).toEqual([422, expect.stringContaining('Unsupported value: "x"')]);
  });

  test('policies can be deleted, also with a finalizer that somebody must take away', async () => {
    await stack.call('DELETE', policyPath(NAME));
    const patched = await stack.call('PATCH', policyPath(NAME), { metadata: { finalizers: [] } });
    expect(patched.status).toBe(200);
    expect((await stack.call('GET', policyPath(NAME))).status).toBe(404);
  });

  test('who deletes the configurations by hand is not asked about it', async () => {
    expect((await stack.call('DELETE', VALIDATING)).status).toBe(200);
    expect((await stack.call('DELETE', MUTATING)).status).toBe(200);
    await waitFor(async () => (await create('new.controller.example', {})).status === 201, {
      what: 'the API server to ask no more',
    });
  });
});
