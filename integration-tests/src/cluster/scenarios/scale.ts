import { kubectl } from '../command.ts';
import { deployment, NAMESPACE, pods, settled } from '../engine.ts';

/** Evaluators 2, 4, 1, 2: no other Pod may change or be started anew. */
export async function scaleEvaluators(): Promise<string> {
  const before = await others();
  for (const count of [4, 1, 2]) {
    await kubectl('scale', deployment('evaluator'), '-n', NAMESPACE, `--replicas=${count}`);
    await settled('evaluator', count);
  }
  if ((await others()) !== before) throw new Error('other Pods than evaluators changed or were started anew');
  return '2, 4, 1, 2 evaluators; no other Pod changed';
}

async function others(): Promise<string> {
  const rest = (await pods()).filter(({ component }) => component !== 'evaluator');
  return JSON.stringify(rest.map(({ uid, restarts }) => ({ uid, restarts })));
}
