import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { waitFor } from '@jspolicy/testing';
import { get, script } from '../command.ts';
import { AROUND_MS, CHART, chartValues, LOOP_NAMESPACE, NAMESPACE, parts, policyInForce, settled } from '../engine.ts';
import { makeFormer } from '../former-release.ts';
import { LOOP_POLICIES, notRight, RequestLoop, sendSome } from '../request-loop.ts';
import type { ScenarioContext } from '../scenarios.ts';

const DOCUMENT = resolve(import.meta.dirname, '../../../../docs/upgrade-from-jspolicy.md');

/** `helm upgrade` of a release of jsPolicy's chart, by the commands of the documentation, while policies are asked. */
export async function upgradeFormer(context: ScenarioContext): Promise<string> {
  const { cluster, tag, natsReplicas, note } = context;
  await makeFormer(cluster, tag);
  const once = async () => notRight(await sendSome(cluster, LOOP_NAMESPACE, 8)).length === 0;
  await waitFor(once, { what: 'the former engine to judge', timeoutMs: 60_000 });
  const dir = await mkdtemp(join(tmpdir(), 'jspolicy-upgrade-'));
  const loop = new RequestLoop(cluster, LOOP_NAMESPACE);
  try {
    const [first = '', ...more] = await commands();
    await script(first, { cwd: dir, env: { NAMESPACE, CHART } });
    // Values that name an image are the former engine's.
    await writeFile(join(dir, 'values.yaml'), JSON.stringify(chartValues(tag, natsReplicas)));
    for (const part of more) {
      note(`  ${part.split('\n').find((line) => !line.startsWith('#'))} ...`);
      await script(part, { cwd: dir, env: { NAMESPACE, CHART } });
    }
    for (const [component, count] of parts(natsReplicas)) await settled(component, count);
    for (const { metadata } of LOOP_POLICIES) await policyInForce(metadata.name);
    await serviceIsOurs();
    await delay(AROUND_MS);
  } finally {
    await loop.end();
    await rm(dir, { recursive: true });
  }
  const result = await loop.end();
  const problems = notRight(result);
  if (problems.length > 0) throw new Error(`${problems.length} of ${result.sent}: ${problems.slice(0, 5).join('\n')}`);
  return `${result.sent} requests, each judged; the slowest ${result.slowestMs} ms`;
}

/** Helm has merged what was there with what the chart says: nothing of the former may be left. */
async function serviceIsOurs(): Promise<void> {
  const { spec } = await get('service', 'jspolicy', '-n', NAMESPACE);
  const labels = Object.keys(spec.selector).sort().join();
  const ports = spec.ports.map(({ name }: { name: string }) => name).join();
  if (
    labels !== 'app.kubernetes.io/component,app.kubernetes.io/instance,app.kubernetes.io/name' ||
    ports !== 'webhook,metrics'
  )
    throw new Error(`the Service selects by ${labels} and has ports ${ports}`);
}

/** Blocks of the documentation that are meant to be typed, in their order. */
async function commands(): Promise<string[]> {
  const text = await readFile(DOCUMENT, 'utf8');
  return [...text.matchAll(/^```bash\n(.*?)^```$/gms)].map(([, block = '']) => block);
}
