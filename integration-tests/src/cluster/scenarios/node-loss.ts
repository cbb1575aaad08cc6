import { setTimeout as delay } from 'node:timers/promises';
import { waitFor } from '@jspolicy/testing';
import { get, shell } from '../command.ts';
import { COMPONENTS, parts, pods, settled } from '../engine.ts';
import { type LoopResult, TIMEOUT_SECONDS } from '../request-loop.ts';
import type { ScenarioContext } from '../scenarios.ts';
import { nodeToTake } from './drain.ts';

const PATIENCE = { timeoutMs: 480_000, pollMs: 500 };
/** A request may wait for a gateway that is gone for as long as its webhook may take; and endpoints must be told of. */
const AFTER_NOT_READY_MS = TIMEOUT_SECONDS * 1_000 + 5_000;
const STAYS_AWAY_MS = 20_000;

/** The power of a node is cut; later it comes back. */
export async function loseNode({ natsReplicas, nodePower, moments, note }: ScenarioContext): Promise<string> {
  const node = await nodeToTake();
  if (!nodePower) return 'not run: JSPOLICY_LOSE_NODE and JSPOLICY_RETURN_NODE are not set';
  if (node === undefined) return 'not run: the engine is on one node only';
  const lost = (await pods()).filter((pod) => pod.node === node).map(({ component }) => component);
  moments.set('lost', Date.now());
  const since = () => Math.round((Date.now() - (moments.get('lost') ?? 0)) / 1000);
  const took: string[] = [];
  try {
    await shell(nodePower.lose, node);
    await waitFor(async () => !(await isReady(node)), { what: `${node} to be noticed as lost`, ...PATIENCE });
    moments.set('not ready', Date.now());
    took.push(`noticed after ${since()} s`);
    for (const component of COMPONENTS) await replaced(component, node);
    took.push(`replaced after ${since()} s`);
    await delay(STAYS_AWAY_MS);
  } finally {
    // It may say that the node is late; what counts is that it comes back.
    await shell(nodePower.back, node).catch((error: Error) => note(`  ${error.message}`));
  }
  await waitFor(() => isReady(node), { what: `${node} to be back`, ...PATIENCE });
  for (const [component, count] of parts(natsReplicas)) await settled(component, count);
  return `${node} with ${lost.sort().join(', ')}: ${took.join(', ')}, all as before after ${since()} s`;
}

async function isReady(node: string): Promise<boolean> {
  const { status } = await get('node', node);
  return status.conditions.some(({ type, status: is }: Record<string, string>) => type === 'Ready' && is === 'True');
}

/** What is on the lost node stays Terminating until it is back. */
async function replaced(component: string, node: string): Promise<void> {
  const ready = async () =>
    (await pods()).filter((pod) => pod.component === component && pod.ready && pod.node !== node).length >= 2;
  await waitFor(ready, { what: `two ready Pods of ${component} on other nodes`, ...PATIENCE });
}

/** Until the cluster notices, gateways on the lost node are asked still; with Fail their requests are refused in time. */
export function whileTheNodeIsLost(refused: LoopResult['refused'], { moments }: ScenarioContext): string {
  const from = moments.get('lost') ?? 0;
  const until = (moments.get('not ready') ?? 0) + AFTER_NOT_READY_MS;
  const outside = refused.filter(({ atMs }) => atMs < from || atMs > until);
  return outside.length > 0 ? `${outside.length} refused when the node was known to be lost, or not lost yet` : '';
}
