import { resolve } from 'node:path';
import { createCertificates, isSigned, readPair } from '@jspolicy/certificates';
import type { KubeObject } from '@jspolicy/contracts';
import { freePort, startProcess, type TestProcess, waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type ControllerProcess,
  type ControllerStack,
  KINDS,
  policy,
  startStack,
  untilLeading,
  WEBHOOKS,
} from '../controller-stack.test-part.ts';

const GATEWAY = resolve(import.meta.dirname, '../../../gateway/dist/main.js');
const SECRETS = '/api/v1/namespaces/jspolicy/secrets';
const SECRET = `${SECRETS}/jspolicy-webhook-cert`;
const NAMES = { dnsNames: ['jspolicy.jspolicy.svc'], ipAddresses: [] };
const LATER = { ...NAMES, backdatedMs: -3_600_000 };
const NAME = 'served.controller.example';

let stack: ControllerStack;
let controller: ControllerProcess;
let gateway: TestProcess;
let healthPort: number;

/** The Service form: nothing says where the gateway is. The engine's own kinds are not asked about: nobody answers. */
const SERVED = { WEBHOOK_URL: '', WEBHOOK_CA_FILE: '', CERTIFICATE_SETTLE_SECONDS: '1' };

beforeAll(async () => {
  stack = await startStack();
  healthPort = await freePort();
  gateway = await startProcess(process.execPath, [GATEWAY], {
    env: {
      NATS_URL: stack.natsUrl,
      KUBECONFIG: stack.kubeconfig,
      TLS_CERT_FILE: '',
      TLS_KEY_FILE: '',
      HOST: '127.0.0.1',
      PORT: '0',
      HEALTH_PORT: String(healthPort),
    },
  });
  await stack.startCompiler();
});
afterAll(async () => {
  await gateway?.stop();
  await stack?.stop();
});

const readiness = async () => {
  const answer = await fetch(`http://127.0.0.1:${healthPort}/readyz`).catch(() => undefined);
  return `${answer?.status} ${await answer?.text()}`;
};
const decode = (text = '') => Buffer.from(text, 'base64').toString();
const encode = (text: string) => Buffer.from(text).toString('base64');
async function held() {
  const { data = {} } = await stack.get(SECRET);
  return { ca: decode(data['ca.crt']), cert: decode(data['tls.crt']), key: decode(data['tls.key']) };
}
const caBundle = (configuration: KubeObject | undefined): string => {
  const [entry] = (configuration?.['webhooks'] ?? []) as { clientConfig: { caBundle?: string } }[];
  return decode(entry?.clientConfig.caBundle);
};
const trusted = async () => caBundle((await stack.webhooksOf(NAME))[0]);
/** Every state of the policy's configuration after this one of the cluster, in order. */
async function statesSince(resourceVersion: string): Promise<KubeObject[]> {
  const query = `watch=true&timeoutSeconds=1&resourceVersion=${resourceVersion}`;
  const { body } = await stack.call('GET', `${WEBHOOKS}/validatingwebhookconfigurations?${query}`);
  // One alone comes as an object, several as lines.
  const events: { object: KubeObject }[] =
    typeof body === 'string'
      ? body
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line))
      : [body];
  return events.map(({ object }) => object).filter(({ metadata }) => metadata.name.startsWith(NAME));
}
const put = async (data: Record<string, string>, metadata: object = {}) => {
  await stack.call('DELETE', SECRET);
  const named = { name: 'jspolicy-webhook-cert', namespace: 'jspolicy', ...metadata };
  return stack.call('POST', SECRETS, { apiVersion: 'v1', kind: 'Secret', type: 'Opaque', metadata: named, data });
};
const dataOf = ({ ca, cert, key }: { ca: string; cert: string; key: string }) => ({
  'ca.crt': encode(ca),
  'tls.crt': encode(cert),
  'tls.key': encode(key),
});

test('a gateway waits for the Secret and says so; the controller makes it with one write', async () => {
  const waits = '503 not ready: there is no Secret jspolicy/jspolicy-webhook-cert yet: the controller makes it\n';
  await waitFor(async () => (await readiness()) === waits, { what: 'the gateway to wait' });
  controller = await stack.startController(SERVED);
  await untilLeading(stack, controller);
  await waitFor(async () => (await readiness()) === '200 ok\n', { what: 'the gateway to be ready' });
  const pair = await held();
  expect(isSigned(pair)).toBe(true);
  expect(readPair(pair).covers('jspolicy.jspolicy.svc')).toBe(true);
  expect(await controller.writes('Secret')).toBe(1);
});

test('a webhook calls the Service and trusts the authority, and nothing is written again', async () => {
  await stack.call('POST', `${KINDS}/jspolicies`, policy(NAME, { javascript: 'deny("no")' }));
  await stack.status(NAME, 'Synced');
  const [{ webhooks } = {} as KubeObject] = await stack.webhooksOf(NAME);
  expect((webhooks as { clientConfig: object }[])[0]?.clientConfig).toEqual({
    service: { name: 'jspolicy', namespace: 'jspolicy', path: `/policy/${NAME}`, port: 443 },
    caBundle: encode((await held()).ca),
  });
  expect(await controller.writes('Secret')).toBe(1);
  expect(await controller.writes('WebhookConfiguration')).toBe(1);
});

describe('by hand', () => {
  test('a Secret that is deleted is put back as it was', async () => {
    const before = await held();
    await stack.call('DELETE', SECRET);
    await waitFor(async () => (await held()).cert === before.cert, { what: 'the Secret to be there again' });
    expect(await held()).toEqual(before);
    expect(await readiness()).toBe('200 ok\n');
  });

  test('so is one whose key does not belong to the certificate', async () => {
    const before = await held();
    const { key } = await createCertificates(NAMES);
    await stack.call('PATCH', SECRET, { data: { 'tls.key': encode(key) } });
    await waitFor(async () => (await held()).key === before.key, { what: 'the key to be as it was' });
    expect(controller.child.lines.join('\n')).toContain('the key is not that of the certificate');
  });

  test('so is one that is not valid yet, and that one does not come back', async () => {
    const before = await held();
    const later = await createCertificates(LATER);
    await stack.call('PATCH', SECRET, { data: dataOf(later) });
    await waitFor(async () => (await held()).cert === before.cert, { what: 'the certificate to be as it was' });
    await stack.call('DELETE', SECRET);
    await waitFor(async () => (await held()).cert, { what: 'the Secret to be there again' });
    expect(await held()).toEqual(before);
    expect(await trusted()).not.toContain(later.ca);
    expect(controller.child.lines.join('\n')).toContain('what tls.crt holds is not valid yet');
  });

  test('a certificate that jsPolicy made is taken as it is', async () => {
    const made = await createCertificates({ ...NAMES, validDays: 3650 });
    await stack.call('PATCH', SECRET, { data: dataOf(made) });
    await waitFor(async () => (await trusted()) === made.ca, { what: 'its authority to be trusted' });
    expect((await held()).cert).toBe(made.cert);
  });
});

const [GIVEN, GIVEN_LATER] = [await createCertificates(NAMES), await createCertificates(LATER)];

describe('a new leader', () => {
  const restart = async () => {
    await controller.child.stop();
    controller = await stack.startController(SERVED);
    await untilLeading(stack, controller);
  };

  test('has gateways go on with what a lost Secret held, until its own certificate is trusted', async () => {
    const before = await held();
    await controller.child.stop();
    await stack.call('DELETE', SECRET);
    controller = await stack.startController(SERVED);
    await waitFor(async () => (await held()).cert, { what: 'a new certificate' });
    const after = await held();
    expect(after.cert).not.toBe(before.cert);
    expect((await trusted()).match(/BEGIN/g)).toHaveLength(2);
    for (const { ca } of [before, after]) expect(await trusted()).toContain(ca);
  });

  test.each([
    ['holds something else', { password: encode('x') }, {}, 'it holds something else: password'],
    [
      'is kept by cert-manager and empty',
      {},
      { annotations: { 'cert-manager.io/certificate-name': 'x' } },
      'cert-manager keeps it, but it has no tls.crt and no tls.key',
    ],
    [
      'is kept by cert-manager and has no ca.crt',
      { 'tls.crt': encode(GIVEN.cert), 'tls.key': encode(GIVEN.key) },
      { annotations: { 'cert-manager.io/certificate-name': 'x' } },
      'cert-manager keeps it, but it has no authority in ca.crt',
    ],
    [
      'is kept by cert-manager and not valid yet',
      dataOf(GIVEN_LATER),
      { annotations: { 'cert-manager.io/certificate-name': 'x' } },
      'cert-manager keeps it, but what tls.crt holds is not valid yet',
    ],
  ])('leaves a Secret alone that %s, and says why', async (_what, data, metadata, why) => {
    await controller.child.stop();
    const { body } = await put(data, metadata);
    await restart();
    const said = new RegExp(`Secret jspolicy/jspolicy-webhook-cert cannot be used and is left alone: ${why}`);
    await waitFor(() => controller.child.lines.some((line) => said.test(line)), { what: 'the reason in the log' });
    const fresh = `fresh${Object.keys(data).length}.controller.example`;
    await stack.call('POST', `${KINDS}/jspolicies`, policy(fresh, { javascript: 'deny("no")' }));
    expect((await stack.status(fresh, 'Failed')).status.message).toMatch(said);
    expect((await stack.get(SECRET)).metadata.resourceVersion).toBe(body.metadata.resourceVersion);
    expect(await trusted()).toContain('BEGIN');
  });

  test('replaces one that is not valid yet by steps, and says what to do when it is immutable', async () => {
    await controller.child.stop();
    const [later, before] = [await createCertificates(LATER), await trusted()];
    await put(dataOf(later));
    await stack.call('PATCH', SECRET, { immutable: true });
    controller = await stack.startController(SERVED);
    const said = /it is immutable and must be written .*: delete it, then it is made anew/;
    await waitFor(() => controller.child.lines.some((line) => said.test(line)), {
      what: 'the reason in the log',
    });
    expect(await trusted()).toBe(before);
    await stack.call('DELETE', SECRET);
    await waitFor(async () => (await held()).cert, { what: 'a new certificate' });
    expect((await held()).cert).not.toBe(later.cert);
    for (const ca of [before, (await held()).ca]) expect(await trusted()).toContain(ca.trim().slice(-80));
    expect(await trusted()).not.toContain(later.ca);
  });

  test('a certificate whose authority is not there is left alone', async () => {
    await controller.child.stop();
    const [made, other] = [await createCertificates(NAMES), await createCertificates(NAMES)];
    await put(dataOf({ ...made, ca: other.ca }));
    await restart();
    await waitFor(() => controller.child.lines.some((line) => line.includes('not signed by an authority in ca.crt')), {
      what: 'the reason in the log',
    });
    expect((await held()).cert).toBe(made.cert);
  });

  test('with another WEBHOOK_URL has configurations call there once the certificate is for it', async () => {
    await controller.child.stop();
    const made = await createCertificates(NAMES);
    await put(dataOf(made));
    await restart();
    await waitFor(async () => (await trusted()) === made.ca, {
      what: 'its authority to be trusted',
    });
    await controller.child.stop();
    const url = 'https://gateway.example:8443';
    const { metadata: start } = await stack.get(`${WEBHOOKS}/validatingwebhookconfigurations`);
    controller = await stack.startController({ ...SERVED, WEBHOOK_URL: url });
    const fresh = 'moved.controller.example';
    await untilLeading(stack, controller);
    await stack.call('POST', `${KINDS}/jspolicies`, policy(fresh, { javascript: 'deny("no")' }));
    const urlIn = (configuration: KubeObject | undefined) => {
      const [entry] = (configuration?.['webhooks'] ?? []) as { clientConfig: { url?: string } }[];
      return entry?.clientConfig.url;
    };
    const called = async (name: string) => urlIn((await stack.webhooksOf(name))[0]);
    for (const name of [NAME, fresh]) {
      await waitFor(() => called(name), { what: `${name} to call there` });
      expect(await called(name)).toBe(`${url}/policy/${name}`);
      expect(readPair(await held()).covers('gateway.example')).toBe(true);
    }
    // First both authorities were trusted where the gateway was called before.
    const states = await statesSince(start.resourceVersion);
    const before = states.slice(0, states.findIndex(urlIn));
    expect(before.map((state) => caBundle(state).match(/BEGIN/g)?.length)).toContain(2);
  });

  test('uses what cert-manager keeps, and does not renew it', async () => {
    await controller.child.stop();
    // All of its life is nearly over.
    const made = await createCertificates({ ...NAMES, validDays: 0.1, backdatedMs: 30 * 86_400_000 });
    await put(dataOf(made), { annotations: { 'cert-manager.io/certificate-name': 'x' } });
    await restart();
    await waitFor(async () => (await trusted()) === made.ca, { what: 'its authority to be trusted' });
    expect((await held()).cert).toBe(made.cert);
    expect(await controller.writes('Secret')).toBe(0);
  });

  test('with WEBHOOK_INJECT_CA_FROM leaves the authority to cert-manager', async () => {
    await controller.child.stop();
    const { ca } = await createCertificates(NAMES);
    controller = await stack.startController({ ...SERVED, WEBHOOK_INJECT_CA_FROM: 'jspolicy/serving' });
    await untilLeading(stack, controller);
    const annotated = async () => (await stack.webhooksOf(NAME))[0] as KubeObject;
    const told = 'cert-manager.io/inject-ca-from';
    await waitFor(async () => (await annotated()).metadata.annotations?.[told] === 'jspolicy/serving', {
      what: 'the annotation',
    });
    const { metadata, webhooks } = await annotated();
    const [entry] = webhooks as { clientConfig: object }[];
    const injected = [{ ...entry, clientConfig: { ...entry?.clientConfig, caBundle: encode(ca) } }];
    const path = `${WEBHOOKS}/validatingwebhookconfigurations/${metadata.name}`;
    const writes = await controller.writes('WebhookConfiguration');
    await stack.call('PATCH', path, { webhooks: injected });
    // An edit that is mended shows that the other was seen and left.
    await stack.call('PATCH', path, { metadata: { labels: { team: 'b' } } });
    await waitFor(async () => (await annotated()).metadata.labels?.['team'] === 'a', { what: 'the look at both' });
    expect(await trusted()).toBe(ca);
    expect((await controller.writes('WebhookConfiguration')) - writes).toBe(1);
  });
});
