import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TempDir, tempDir } from '@jspolicy/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { policy, writeManifests } from './manifests.ts';
import { type Stack, startStack } from './stack.ts';
import { WorkWitness } from './work-witness.ts';

const NAME = 'sees.directory.example';
let dir: TempDir;
let witness: WorkWitness;
let stack: Stack;

const object = (name: string, namespace: string, data: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace },
  data,
});
const write = (...args: Parameters<typeof object>) =>
  writeFile(join(dir.path, 'manifests', `${args[0]}.yaml`), stringify(object(...args)));
const last = (key: string) => witness.of(NAME).findLast((each) => each.key === key);

beforeAll(async () => {
  [dir, witness] = await Promise.all([tempDir(), WorkWitness.start()]);
  const manifests = join(dir.path, 'manifests');
  await mkdir(manifests);
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'gold', labels: { tier: 'gold' } } };
  const spec = {
    type: 'Controller' as const,
    operations: ['*'],
    resources: ['configmaps'],
    namespaceSelector: { matchLabels: { tier: 'gold' } },
  };
  await writeManifests(manifests, [namespace, policy(NAME, witness.code(NAME), spec)]);
  await write('before', 'gold');
  await write('elsewhere', 'no-manifest');
  stack = await startStack({ cluster: { manifests }, evaluators: 1, env: { evaluator: witness.env } });
});
afterAll(async () => {
  await stack?.stop();
  await witness?.stop();
  await dir?.remove();
});

test('objects that are there, that come, change, change back and go', async () => {
  await witness.until('what is there', () => last('gold/before')?.operation === 'CREATE');
  await write('comes', 'gold', { at: 'one' });
  const at = (wanted: string) => () => last('gold/comes')?.request.object?.data.at === wanted;
  await witness.until('what comes', at('one'));
  await write('comes', 'gold', { at: 'two' });
  await witness.until('the change', at('two'));
  await write('comes', 'gold', { at: 'one' });
  await witness.until('the change back', at('one'));
  await rm(join(dir.path, 'manifests/comes.yaml'));
  await witness.until('its end', () => last('gold/comes')?.operation === 'DELETE');
  expect(last('gold/comes')?.request.object).toBeNull();
  expect(witness.of(NAME).filter(({ key }) => !key.startsWith('gold/'))).toEqual([]);
  expect(witness.overlaps).toEqual([]);
});
