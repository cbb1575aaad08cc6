import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CHART_DIR } from './generated-files.ts';
import { findHelm, type Rendered, renderChart } from './helm.ts';

let chart = '';
beforeAll(async () => {
  await findHelm();
  chart = join(await mkdtemp(join(tmpdir(), 'jspolicy-chart-')), 'jspolicy');
  await cp(CHART_DIR, chart, { recursive: true });
  const file = join(chart, 'Chart.yaml');
  const text = await readFile(file, 'utf8');
  await writeFile(
    file,
    text.replace(/^version: .*$/m, 'version: 99.0.0').replace(/^appVersion: .*$/m, 'appVersion: 99'),
  );
});
afterAll(() => rm(join(chart, '..'), { recursive: true }));

const KINDS = ['Deployment', 'StatefulSet', 'Job'];
const workloads = (objects: Rendered[]) => objects.filter(({ kind }) => KINDS.includes(kind));
const templates = (objects: Rendered[]) =>
  workloads(objects).map(({ kind, metadata, spec }) => [
    kind,
    metadata.name,
    (spec as { template: { metadata: Rendered['metadata'] } }).template,
  ]);

test('a new version of the chart restarts no Pod for its number alone', async () => {
  const set = ['image.tag="1"'];
  const [before, after] = await Promise.all([renderChart({ set }), renderChart({ set, chart })]);
  expect(templates(after)).toEqual(templates(before));
  for (const { metadata } of workloads(after))
    expect(metadata.labels).toMatchObject({ 'helm.sh/chart': 'jspolicy-99.0.0', 'app.kubernetes.io/version': '99' });
});
