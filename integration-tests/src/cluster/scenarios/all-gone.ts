import { waitFor } from '@jspolicy/testing';
import { kubectl } from '../command.ts';
import { LOOP_NAMESPACE, NAMESPACE, POLICIES, parts, policyInForce, settled } from '../engine.ts';
import type { Ledger } from '../ledger.ts';
import { RequestLoop } from '../request-loop.ts';
import type { ScenarioContext } from '../scenarios.ts';

const NAME = 'everything.loop.example';
const EVERYTHING = {
  apiVersion: 'policy.jspolicy.com/v1beta1',
  kind: 'JsPolicy',
  metadata: { name: NAME },
  spec: { operations: ['*'], resources: ['*'], failurePolicy: 'Fail', javascript: ';' },
};

/** Every Pod of the engine is deleted at once and by force, while a Fail policy for everything is in force. */
export async function deleteEverything({ cluster, ledger, natsReplicas }: ScenarioContext): Promise<string> {
  await cluster.create(POLICIES, EVERYTHING);
  try {
    await policyInForce(NAME);
    const began = Date.now();
    await kubectl('delete', 'pods', '--all', '-n', NAMESPACE, '--grace-period=0', '--force', '--wait=false');
    for (const [component, count] of parts(natsReplicas)) await settled(component, count);
    const back = Math.round((Date.now() - began) / 1000);
    await answersAgain(cluster, ledger);
    return `a Fail policy on *; all Pods ready after ${back} s`;
  } finally {
    await cluster.remove(POLICIES, NAME);
  }
}

async function answersAgain(cluster: ScenarioContext['cluster'], ledger: Ledger): Promise<void> {
  const loop = new RequestLoop(cluster, LOOP_NAMESPACE);
  await waitFor(() => loop.sent > 40, { what: '40 requests', timeoutMs: 60_000 });
  const result = await loop.end();
  ledger.add(result);
  const { wrong, lost, refused } = result;
  const problems = [...wrong, ...lost, ...refused.map(({ text }) => text)];
  if (problems.length > 0) throw new Error(`after that: ${problems.join('\n')}`);
}
