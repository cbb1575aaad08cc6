import { setTimeout as delay } from 'node:timers/promises';
import { kubectl } from '../command.ts';
import { AROUND_MS, NAMESPACE, parts, settled, workload } from '../engine.ts';
import type { ScenarioContext } from '../scenarios.ts';

/** `kubectl rollout restart` of each component, one after the other, NATS last. */
export async function restartAll({ natsReplicas, note }: ScenarioContext): Promise<string> {
  const took: string[] = [];
  for (const [component, count] of parts(natsReplicas)) {
    const began = Date.now();
    await kubectl('rollout', 'restart', workload(component), '-n', NAMESPACE);
    await kubectl('rollout', 'status', workload(component), '-n', NAMESPACE, '--timeout=5m');
    await settled(component, count);
    took.push(`${component} ${Math.round((Date.now() - began) / 1000)} s`);
    note(`  restarted: ${took.at(-1)}`);
    await delay(AROUND_MS);
  }
  return took.join(', ');
}
