import { setTimeout as delay } from 'node:timers/promises';
import { kubectl } from '../command.ts';
import { AROUND_MS, leader, NAMESPACE, parts, pods, settled } from '../engine.ts';
import { AT_ONCE, type LoopResult } from '../request-loop.ts';
import type { ScenarioContext } from '../scenarios.ts';

/** A kubelet ends a container that is deleted by force 2 s after it asked it to end; the rest is for a busy node. */
const LINGERS_MS = 10_000;

/** One Pod of each component ends by force: of the controller the one that leads. */
export async function killEach({ natsReplicas, moments, note }: ScenarioContext): Promise<string> {
  const took: string[] = [];
  for (const [component, count] of parts(natsReplicas)) {
    const name = await victim(component);
    const began = Date.now();
    moments.set(`${component} killed`, began);
    await kubectl('delete', 'pod', name, '-n', NAMESPACE, '--grace-period=0', '--force');
    await settled(component, count);
    moments.set(`${component} back`, Date.now());
    took.push(`${component} ${Math.round((Date.now() - began) / 1000)} s`);
    note(`  killed and back: ${took.at(-1)}`);
    await delay(AROUND_MS);
  }
  return took.join(', ');
}

async function victim(component: string): Promise<string> {
  if (component === 'controller') return leader();
  const first = (await pods()).find((pod) => pod.component === component);
  if (!first) throw new Error(`no Pod of ${component}`);
  return first.name;
}

/**
 * What the one gateway had in its hands when it was killed gets no answer, and the API server asks nobody else. Nothing else is
 * refused: not by a gateway that lives, and not while others than the gateway are killed.
 */
export function inFlightOnOneGateway(refused: LoopResult['refused'], { moments }: ScenarioContext): string {
  const from = moments.get('gateway killed') ?? 0;
  const until = (moments.get('gateway back') ?? 0) + LINGERS_MS;
  const isInFlight = ({ answered, beganMs, atMs }: LoopResult['refused'][number]) =>
    !answered && atMs >= from && beganMs <= until;
  const inFlight = refused.filter(isInFlight).length;
  const others = refused.length - inFlight;
  if (others > 0) return `${others} refused that were not in flight on the gateway`;
  return inFlight > AT_ONCE ? `${inFlight} refused, ${AT_ONCE} at most were in flight on the gateway` : '';
}
