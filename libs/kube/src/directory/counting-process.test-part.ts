import type { KubeObject } from '@jspolicy/contracts';
import { createLogger } from '@jspolicy/runtime';
import { openDirectory } from './open.ts';

/** A process of the test: raises a counter ten times, among others that do the same. */
const [manifests = '', state = ''] = process.argv.slice(2);
const log = createLogger({ service: 'test', level: 'silent' });
const cluster = await openDirectory({ manifests, state, log, onProblem: () => undefined });
const type = await cluster.resolve('v1', 'ConfigMap');
for (let done = 0; done < 10; ) {
  await cluster.refresh();
  const now = (await cluster.get(type, 'n', 'default')) as KubeObject;
  const data = { n: String(Number((now['data'] as { n: string }).n) + 1) };
  await cluster.update(type, { ...now, data }).then(
    () => {
      done += 1;
    },
    (error: { reason?: string }) => {
      if (error.reason !== 'Conflict') throw error;
    },
  );
}
await cluster.close();
