import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CHART_DIR, generatedFiles } from './generated-files.ts';

test('generated files of the chart are those that npm run chart writes', async () => {
  for (const [path, text] of await generatedFiles()) expect(await readFile(path, 'utf8'), path).toBe(text);
});

test('the chart has nothing that is a link, which Helm warns of, and no definition but those of k8s/crds', async () => {
  const entries = await readdir(CHART_DIR, { recursive: true, withFileTypes: true });
  expect(entries.filter((entry) => entry.isSymbolicLink()).map(({ name }) => name)).toEqual([]);
  const generated = await generatedFiles();
  for (const name of await readdir(join(CHART_DIR, 'crds')))
    expect([...generated.keys()]).toContain(join(CHART_DIR, 'crds', name));
});
