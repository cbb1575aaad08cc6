import { kubectl } from '../command.ts';
import { LOOP_NAMESPACE, NAMESPACE, POLICIES, parts, policyInForce, settled } from '../engine.ts';
import type { Ledger } from '../ledger.ts';
import { type Denial, type LoopResult, notRight, sendSome } from '../request-loop.ts';
import type { ScenarioContext } from '../scenarios.ts';

const NAME = 'everything.loop.example';
const EVERYTHING = {
  apiVersion: 'policy.jspolicy.com/v1beta1',
  kind: 'JsPolicy',
  metadata: { name: NAME },
  spec: { operations: ['*'], resources: ['*'], failurePolicy: 'Fail', javascript: ';' },
};

/** Every Pod of the engine is deleted at once and by force, while a Fail policy for everything is in force. */
export async function deleteEverything(context: ScenarioContext): Promise<string> {
  const { cluster, ledger, natsReplicas, moments } = context;
  await cluster.create(POLICIES, EVERYTHING);
  try {
    await policyInForce(NAME);
    const began = Date.now();
    moments.set('deleted', began);
    await kubectl('delete', 'pods', '--all', '-n', NAMESPACE, '--grace-period=0', '--force', '--wait=false');
    for (const [component, count] of parts(natsReplicas)) await settled(component, count);
    moments.set('back', Date.now());
    const back = Math.round((Date.now() - began) / 1000);
    await answersAgain(cluster, ledger);
    return `a Fail policy on *; all Pods ready after ${back} s`;
  } finally {
    await cluster.remove(POLICIES, NAME);
  }
}

async function answersAgain(cluster: ScenarioContext['cluster'], ledger: Ledger): Promise<void> {
  const result = await sendSome(cluster, LOOP_NAMESPACE, 40);
  ledger.add(result);
  const problems = notRight(result);
  if (problems.length > 0) throw new Error(`after that: ${problems.join('\n')}`);
}

/** Nodes learn a moment after Pods are ready that they are. */
const ENDPOINTS_MS = 5_000;

/** Nobody is there to answer: with Fail everything is refused until somebody is. */
export function whileNobodyIsThere(refused: LoopResult['refused'], { moments }: ScenarioContext): string {
  const from = moments.get('deleted') ?? 0;
  const until = (moments.get('back') ?? Number.POSITIVE_INFINITY) + ENDPOINTS_MS;
  const outside = refused.filter(({ beganMs, atMs }) => atMs < from || beganMs > until);
  return outside.length > 0 ? `${outside.length} refused while Pods were there: ${outside[0]?.text}` : '';
}

/** While the servers of NATS end one by one, an evaluator keeps violations on a disk that goes with its Pod. */
export function whenTheSpoolWentToo({ atMs }: Denial, { moments }: ScenarioContext): boolean {
  return atMs >= (moments.get('deleted') ?? Number.POSITIVE_INFINITY) && atMs <= (moments.get('back') ?? 0);
}
