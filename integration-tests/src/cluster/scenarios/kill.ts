import { setTimeout as delay } from 'node:timers/promises';
import { kubectl } from '../command.ts';
import { AROUND_MS, leader, NAMESPACE, parts, pods, settled } from '../engine.ts';
import { AT_ONCE, type LoopResult } from '../request-loop.ts';
import type { ScenarioContext } from '../scenarios.ts';

/** One Pod of each component ends by force: of the controller the one that leads. */
export async function killEach({ natsReplicas, note }: ScenarioContext): Promise<string> {
  const took: string[] = [];
  for (const [component, count] of parts(natsReplicas)) {
    const began = Date.now();
    const [first] = (await pods()).filter((pod) => pod.component === component);
    const name = component === 'controller' ? await leader() : first?.name;
    if (!name) throw new Error(`no Pod of ${component}`);
    await kubectl('delete', 'pod', name, '-n', NAMESPACE, '--grace-period=0', '--force');
    await settled(component, count);
    took.push(`${component} ${Math.round((Date.now() - began) / 1000)} s`);
    note(`  killed and back: ${took.at(-1)}`);
    await delay(AROUND_MS);
  }
  return took.join(', ');
}

/** What the one gateway had in its hands when it was killed gets no answer, and the API server asks nobody else. */
export const inFlightOnOneGateway = (refused: LoopResult['refused']): string =>
  refused.length > AT_ONCE
    ? `${refused.length} refused for want of an answer, ${AT_ONCE} at most were in flight on the gateway`
    : '';
