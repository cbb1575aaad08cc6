import { pod, waitFor } from '@jspolicy/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ClusterClient } from './cluster-client.ts';
import { policy } from './manifests.ts';
import { type RunningCluster, startCluster } from './running-engine.ts';
import type { Stack } from './stack.ts';

const NAME = 'bomb.quarantine.example';
const JAVASCRIPT = `
  if (request.object.metadata.name === "calm") deny("calm");
  const a = [];
  for (;;) a.push(new Array(1e5).fill({}));`;

let engine: RunningCluster;
let stack: Stack;
let cluster: ClusterClient;

beforeAll(async () => {
  // Little memory, so that the policy ends its sandbox before its time is over on a busy machine too.
  const env = { evaluator: { SANDBOX_MEMORY_MIB: '16' } };
  engine = await startCluster({ namespaces: ['team'], evaluators: 2, env });
  ({ stack, cluster } = engine);
});
afterAll(() => engine?.stop());

const create = (name: string) => cluster.createPod(pod({ name, namespace: 'team' }), '?dryRun=All');
/** The status, with the Evaluable condition, which is there only while it is False. */
async function judgedNow() {
  const { status } = await cluster.policy(NAME);
  return { status, evaluable: status.conditions.find(({ type }: { type: string }) => type === 'Evaluable') };
}

test('a policy that ends its sandbox again and again is quarantined, says so, and is tried again', async () => {
  await cluster.applyPolicy(policy(NAME, JAVASCRIPT));
  await waitFor(async () => (await create('calm')).body.message?.endsWith('calm'), { what: 'the policy to be served' });
  // Looked at once: the first quarantines are short.
  const { status, evaluable } = await waitFor(
    async () => {
      expect((await create('wild')).status).toBe(500);
      const now = await judgedNow();
      return now.evaluable && now;
    },
    { what: 'the quarantine in the status' },
  );
  expect(evaluable).toMatchObject({
    status: 'False',
    severity: 'Error',
    reason: 'Quarantined',
    message: expect.stringMatching(/^the policy's code ended its sandbox again and again \(last: \w+\): its requests/),
  });
  expect(status).toMatchObject({ phase: 'Failed', reason: 'Quarantined' });

  // One that dies leaves a quarantine that ends as any other.
  stack.processes.evaluator[0]?.kill('SIGKILL');
  await cluster.synced(NAME);
  expect((await judgedNow()).evaluable).toBeUndefined();
  expect((await create('calm')).body.message).toContain('denied the request: calm');
});
