import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { waitFor } from '@jspolicy/testing';
import { expect, test } from 'vitest';
import { manifests, open, write } from '../directory/directory.test-part.ts';
import { testInformers } from './informers.test-part.ts';

const configMap = (name: string, labels = '{}', data = '{}') =>
  `{apiVersion: v1, kind: ConfigMap, metadata: {name: ${name}, namespace: shop, labels: ${labels}}, data: ${data}}\n`;

test('a directory of manifests is copied as an API server is', async () => {
  await write('a.yaml', configMap('a', '{team: x}'));
  await write('b.yaml', configMap('b'));
  const { cluster } = await open();
  const type = await cluster.resolve('v1', 'ConfigMap');
  const { informers, list, names, get, sizes } = testInformers(cluster);
  expect(await list(type)).toEqual(await cluster.list(type));
  expect(await names(type, { labelSelector: 'team in (x)' })).toEqual(['a']);
  expect(await names(type, { namespace: 'elsewhere' })).toEqual([]);
  await write('a.yaml', configMap('a', '{team: x}', '{now: other}'));
  await waitFor(async () => (await get(type, 'shop', 'a')).data.now === 'other', { what: 'the change' });
  await rm(join(manifests, 'b.yaml'));
  await waitFor(async () => (await names(type))?.join() === 'a', { what: 'the deletion' });
  expect(sizes.get('configmaps.v1')?.objects).toBe(1);
  await informers.stop();
});
