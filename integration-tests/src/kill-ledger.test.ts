import { VIOLATIONS_STREAM, type ViolationEvent } from '@jspolicy/contracts';
import {
  type KubeApiServer,
  kubeForTest,
  natsClusterForTest,
  type TestNatsCluster,
  type TestProcess,
  waitFor,
} from '@jspolicy/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ClusterClient } from './cluster-client.ts';
import { KnownVerdicts } from './known-verdicts.ts';
import { policy } from './manifests.ts';
import { type ServiceName, type Stack, startStack } from './stack.ts';
import type { WebhookClient } from './webhook-client.ts';

const NAME = 'deny.kills.example';
/** Requests between two kills. */
const BETWEEN = 150;

let kube: KubeApiServer;
let nats: TestNatsCluster;
let stack: Stack;
let cluster: ClusterClient;
let gateways: WebhookClient[];
let replay: { stop(): Promise<void> };
/** How often the stream holds the violation of a review. */
const held = new Map<string, number>();

beforeAll(async () => {
  [kube, nats] = await Promise.all([kubeForTest(), natsClusterForTest()]);
  stack = await startStack({ cluster: { kube }, nats });
  await Promise.all([stack.start('audit'), stack.start('gateway')]);
  gateways = stack.processes.gateway.map((gateway) => stack.client(gateway));
  cluster = new ClusterClient(kube);
  await cluster.servesKinds();
  await cluster.applyPolicy(policy(NAME, 'if (request.name.startsWith("deny")) deny(request.name)'));
  await waitFor(async () => (await gateways[0]?.review(NAME, {}))?.status === 400, { what: `${NAME} to be served` });
  replay = stack.bus.replay({
    stream: VIOLATIONS_STREAM,
    handler: ({ body }) => {
      const { uid = '' } = (JSON.parse(new TextDecoder().decode(body)) as ViolationEvent).data.request;
      held.set(uid, (held.get(uid) ?? 0) + 1);
    },
    onCaughtUp: () => undefined,
  });
});
afterAll(async () => {
  for (const gateway of gateways ?? []) gateway.close();
  await replay?.stop();
  await stack?.stop();
  await kube?.stop();
});

/** The first that lives is killed, and another one started, as a container is. */
async function killed(service: ServiceName, env: Record<string, string> = {}): Promise<TestProcess> {
  const victim = stack.processes[service].find(({ exit }) => !exit);
  victim?.kill('SIGKILL');
  await victim?.exited;
  return stack.start(service, env);
}

const KILLS: Record<string, () => Promise<unknown>> = {
  async gateway() {
    const [first] = gateways;
    const successor = await killed('gateway');
    gateways = [...gateways.slice(1), stack.client(successor)];
    first?.close();
  },
  evaluator: () => killed('evaluator', stack.firstEvaluator),
  audit: () => killed('audit'),
  async nats() {
    // One of three leads the stream: each is it once or is not.
    for (let index = 0; index < nats.servers.length; index++) {
      await nats.killOne(index);
      await nats.startOne(index);
      await stack.bus.streamIdentity(VIOLATIONS_STREAM).catch(() => undefined);
    }
  },
};

const totalOf = async (): Promise<number> =>
  (await cluster.call('GET', `/apis/policy.jspolicy.com/v1beta1/jspolicyviolations/${NAME}`)).body.status?.totals
    ?.violations ?? 0;

test('processes are killed while requests come: no verdict is wrong, no denial that was told is missing or twice', async () => {
  const asked = new KnownVerdicts(NAME, () => gateways);
  for (const [what, kill] of Object.entries(KILLS)) {
    const before = asked.asked;
    await waitFor(() => asked.asked >= before + BETWEEN, { what: `requests before ${what} is killed` });
    await kill();
  }
  const before = asked.asked;
  await waitFor(() => asked.asked >= before + BETWEEN, { what: 'requests after that' });
  await asked.end();
  expect(asked.wrong).toEqual([]);
  // Only what was in flight on the gateway that was killed: nobody else can answer it.
  for (const lost of asked.lost) expect(lost).toMatch(/ECONNRESET|socket hang up/);

  await waitFor(() => asked.denied.every((uid) => held.has(uid)), { what: 'all in the stream' });
  expect([...held.values()].filter((times) => times !== 1)).toEqual([]);
  const known = new Set([...asked.denied, ...asked.lostDenials]);
  expect([...held.keys()].filter((uid) => !known.has(uid))).toEqual([]);
  await waitFor(async () => (await totalOf()) === held.size, { what: `${held.size} in the status` });
});
