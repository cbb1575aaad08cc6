import type { ServingPair } from '@jspolicy/certificates';
import type { JsPolicy, KubeObject } from '@jspolicy/contracts';
import { type KubeApiServer, kubeForTest, waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Balancer } from './balancer.ts';
import { ClusterClient } from './cluster-client.ts';
import {
  certificateOfAge,
  certificateSecret,
  FORMER_KINDS,
  formerBundle,
  formerKind,
  formerOwnWebhook,
  formerWebhook,
  SECRET_PATH,
} from './former-engine.ts';
import { FormerWebhook } from './former-webhook.ts';
import { policy } from './manifests.ts';
import { Repeated } from './repeated.ts';
import { portOf, type Stack, startStack } from './stack.ts';

const KINDS = '/apis/policy.jspolicy.com/v1beta1';
const WEBHOOKS = '/apis/admissionregistration.k8s.io/v1';
const VALIDATING = `${WEBHOOKS}/validatingwebhookconfigurations`;
const MUTATING = `${WEBHOOKS}/mutatingwebhookconfigurations`;
const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';

/** What the policies say of an object's name, by its first letters. */
const source = (prefix: string) => `if (request.name.startsWith("${prefix}")) deny("no ${prefix} here");`;
/** Time enough on a machine that does much else: what is late is refused too, but not in these words. */
const judging = { resources: ['configmaps'], timeoutSeconds: 30 };
const FAIL = policy('fail.moved.example', source('fail'), judging);
const IGNORE = policy('ignore.moved.example', source('ignore'), { ...judging, failurePolicy: 'Ignore' });
/** Without source: its author made the bundle. */
const HANDMADE = {
  ...FAIL,
  metadata: { name: 'handmade.moved.example' },
  spec: { operations: ['CREATE'], ...judging },
};
/** Its source cannot be compiled any more: the package is gone. */
const GONE = policy('gone.moved.example', source('gone'), { ...judging, dependencies: { 'Not A Package': '1.0.0' } });
const MUTATES = policy('mutates.moved.example', 'request.object.data = { moved: "yes" }; mutate(request.object);', {
  ...judging,
  type: 'Mutating',
});
const DENYING = { fail: FAIL, ignore: IGNORE, handmade: HANDMADE, gone: GONE };
const ALL = [...Object.values(DENYING), MUTATES];

let kube: KubeApiServer;
let stack: Stack;
let cluster: ClusterClient;
let balancer: Balancer;
let former: FormerWebhook;
let pair: ServingPair;
let url: string;

async function post(path: string, object: unknown): Promise<KubeObject> {
  const { status, body } = await cluster.call('POST', path, object);
  if (status !== 201) throw new Error(`POST ${path}: ${JSON.stringify(body)}`);
  return body;
}

/** A policy with everything that jsPolicy made of it. */
async function postFormer(manifest: object, script: string): Promise<JsPolicy> {
  const made = (await post(`${KINDS}/jspolicies`, manifest)) as JsPolicy;
  await post(`${KINDS}/jspolicybundles`, formerBundle(made, script));
  const status = { phase: 'Synced', observedGeneration: 1, conditions: [] };
  await cluster.call('PATCH', `${KINDS}/jspolicies/${made.metadata.name}/status`, { status });
  const webhook = formerWebhook(made, 'yaacp', { url, ca: pair.ca });
  await post(made.spec.type === 'Mutating' ? MUTATING : VALIDATING, webhook);
  return made;
}

const configMap = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } });
const create = async (name: string) => (await cluster.call('POST', `${CONFIG_MAPS}?dryRun=All`, configMap(name))).body;

/** Every policy decides, in the words of its author. */
async function denies(prefix: string, { metadata }: { metadata: { name: string } }): Promise<string | undefined> {
  const { message } = await create(`${prefix}-1`);
  const isDenied = message === `admission webhook "${metadata.name}" denied the request: no ${prefix} here`;
  return isDenied ? undefined : `${prefix}: ${message}`;
}

/** What nobody minds is let through. */
async function passes(): Promise<string | undefined> {
  const { kind, message } = await create('good');
  return kind === 'ConfigMap' ? undefined : `good: ${message}`;
}

const CHECKS = [
  ...Object.entries(DENYING).map(
    ([prefix, each]) =>
      () =>
        denies(prefix, each),
  ),
  passes,
];

/** All of them. */
async function judged(): Promise<string | undefined> {
  const wrong = (await Promise.all(CHECKS.map((check) => check()))).filter((each) => each !== undefined);
  return wrong.length > 0 ? wrong.join('\n') : undefined;
}

/** One after the other. */
let turn = 0;
const judgedInTurn = async () => CHECKS[turn++ % CHECKS.length]?.();

beforeAll(async () => {
  [kube, balancer] = [await kubeForTest(), new Balancer()];
  [cluster, url] = [new ClusterClient(kube), await balancer.listen()];
  pair = await certificateOfAge(30, {
    dnsNames: ['jspolicy.jspolicy.svc'],
    ipAddresses: ['127.0.0.1'],
    validDays: 3650,
  });
  former = new FormerWebhook(pair, (path, name) => {
    const prefix = Object.keys(DENYING).find((each) => path.includes(`/${each}.`) && name.startsWith(each));
    return prefix && `no ${prefix} here`;
  });
  balancer.ports.push(await former.listen());
  for (const file of FORMER_KINDS)
    await post('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', formerKind(file));
  await cluster.servesKinds();
  await cluster.createNamespace('jspolicy');
  await post('/api/v1/namespaces/jspolicy/secrets', certificateSecret(pair));
  const made: JsPolicy[] = [];
  for (const [prefix, manifest] of Object.entries(DENYING)) made.push(await postFormer(manifest, source(prefix)));
  await postFormer(MUTATES, MUTATES.spec.javascript);
  await post(VALIDATING, formerOwnWebhook({ url, ca: pair.ca }));
  await leaveStale(made[0] as JsPolicy);
});
afterAll(async () => {
  await stack?.stop();
  await former?.close();
  await balancer?.close();
  await kube?.stop();
});

/** A second configuration of a policy, and one of a policy that is gone. */
async function leaveStale(made: JsPolicy): Promise<void> {
  const where = { url, ca: pair.ca };
  await post(VALIDATING, formerWebhook(made, 'twice', where));
  const uid = '00000000-0000-0000-0000-000000000000';
  const gone = { ...made, metadata: { name: 'deleted.moved.example', uid } };
  await post(VALIDATING, formerWebhook(gone, 'stale', where));
}

/** Those of policies, by name. */
async function configurations(): Promise<KubeObject[]> {
  const [validating, mutating] = await Promise.all([cluster.call('GET', VALIDATING), cluster.call('GET', MUTATING)]);
  const all: KubeObject[] = [...validating.body.items, ...mutating.body.items];
  return all.filter(({ metadata }) => metadata.name !== 'jspolicy');
}
const entryOf = ({ webhooks }: KubeObject) => (webhooks as Record<string, unknown>[])[0] ?? {};
/** What this engine writes into each, and jsPolicy did not. */
const isTaken = (configuration: KubeObject) => 'matchConditions' in entryOf(configuration);

/** One for each policy, of which all but the one that does not compile are written anew. */
async function allTaken(): Promise<boolean> {
  const found = await configurations();
  return found.length === ALL.length && found.filter(isTaken).length === ALL.length - 1;
}

test('it takes over from a jsPolicy that runs, and no request passes unjudged', async () => {
  await waitFor(async () => (await judged()) === undefined, {
    what: 'the former webhooks in force',
  });
  const loop = new Repeated(20, judgedInTurn);
  const serving: number[] = [];
  stack = await startStack({
    cluster: { kube },
    evaluators: 1,
    env: {
      gateway: { TLS_CERT_FILE: '', TLS_KEY_FILE: '' },
      controller: { WEBHOOK_URL: url, WEBHOOK_CA_FILE: '' },
    },
    onGateway: (gateway) => serving.push(portOf(gateway, 'port')),
  });
  await waitFor(allTaken, {
    what: 'the policies to be taken over',
  });
  await waitFor(async () => (await cluster.policy(GONE.metadata.name)).status?.phase === 'Failed', {
    what: 'the status of the policy that does not compile',
  });
  const hundredMore = async (what: string) => {
    const done = loop.done;
    await waitFor(() => loop.done > done + 100, { what });
  };
  balancer.ports.splice(0, 1, ...serving);
  // What was on its way to the former engine must arrive before that closes.
  await hundredMore('a hundred requests that find the new engine');
  await former.close();
  const before = former.answered;
  expect(before).toBeGreaterThan(0);
  await hundredMore('a hundred requests to the new engine');
  await loop.stop();
  expect(loop.problems).toEqual([]);
  expect(former.answered).toBe(before);
});

test('each policy has one configuration, under the name that it had; what was stale is gone', async () => {
  const found = await configurations();
  const names = found.map(({ metadata }) => metadata.name).sort();
  const kept = ALL.map(({ metadata }) => `${metadata.name}-yaacp`).sort();
  // Of two of one policy either may stay.
  expect(names.map((name) => name.replace(/-twice$/, '-yaacp'))).toEqual(kept);
  for (const configuration of found) {
    const { clientConfig } = entryOf(configuration) as { clientConfig: { url: string; caBundle: string } };
    expect(clientConfig.url).toMatch(new RegExp(`^${url}/policy/`));
    expect(Buffer.from(clientConfig.caBundle, 'base64').toString()).toBe(pair.ca);
  }
});

test('its own webhook, its certificate and its kinds are adopted', async () => {
  const [validating, mutating] = [`${VALIDATING}/jspolicy`, `${MUTATING}/jspolicy`];
  expect(entryOf((await cluster.call('GET', validating)).body)).toMatchObject({ failurePolicy: 'Fail' });
  expect('matchConditions' in entryOf((await cluster.call('GET', validating)).body)).toBe(true);
  expect((await cluster.call('GET', mutating)).status).toBe(200);
  expect((await cluster.call('GET', SECRET_PATH)).body.data).toEqual(certificateSecret(pair).data);
  const refused = await cluster.call('POST', `${KINDS}/jspolicies`, policy('two.parts', 'allow()'));
  expect(refused.body.message).toContain('should be a domain with at least three segments');
});

test('policies mutate and have their bundles; what does not compile is told, and its last bundle decides', async () => {
  expect((await create('good')).data).toEqual({ moved: 'yes' });
  const { items } = (await cluster.call('GET', `${KINDS}/jspolicybundles`)).body;
  expect(items.map(({ metadata }: KubeObject) => metadata.name).sort()).toEqual(
    ALL.map(({ metadata }) => metadata.name).sort(),
  );
  const { status } = await cluster.policy(GONE.metadata.name);
  expect(status).toMatchObject({ phase: 'Failed', reason: 'CompileFailed' });
  expect(await judged()).toBeUndefined();
});
