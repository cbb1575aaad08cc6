import type { KubeObject } from '@jspolicy/contracts';
import { expect, test } from 'vitest';
import type { ListOptions } from '../port.ts';
import { copyQuery, findCopies } from './copy-query.ts';
import { ObjectCopies } from './object-copies.ts';

const object = (namespace: string | undefined, name: string, labels?: Record<string, string>): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...(namespace && { namespace }), ...(labels && { labels }) },
});

function copiesOf(...objects: KubeObject[]): ObjectCopies {
  const copies = new ObjectCopies();
  for (const each of objects) copies.put(each, `${each.metadata.name} é`);
  return copies;
}

const keys = (copies: ObjectCopies, options: ListOptions = {}) => {
  const query = copyQuery({ namespaced: true }, options);
  return query && findCopies(copies, query).map(({ key }) => key);
};

test("the API server's order holds whatever the order of arrival: by namespace/name, where a- comes before a/", () => {
  const names: [string, string][] = [
    ['b', 'x'],
    ['a', 'z'],
    ['a-b', 'y'],
    ['a', 'a'],
    ['b', 'a'],
    ['a.b', 'q'],
  ];
  const copies = copiesOf(...names.map(([namespace, name]) => object(namespace, name)));
  expect(keys(copies)).toEqual(['a-b/y', 'a.b/q', 'a/a', 'a/z', 'b/a', 'b/x']);
  expect(keys(copies, { namespace: 'a' })).toEqual(['a/a', 'a/z']);
  expect(keys(copies, { namespace: 'b' })).toEqual(['b/a', 'b/x']);
  expect(keys(copies, { namespace: 'c' })).toEqual([]);
  expect(keys(copies, { limit: 2 })).toEqual(['a-b/y', 'a.b/q']);
});

test('put replaces, delete removes, and the size follows', () => {
  const copies = copiesOf(object('n', 'a'), object('n', 'b'));
  const each = Buffer.byteLength('a é');
  expect(copies.size).toEqual({ objects: 2, bytes: 2 * each });
  copies.put(object('n', 'a', { new: 'yes' }), 'longer text');
  expect(copies.size).toEqual({ objects: 2, bytes: each + 11 });
  expect(Buffer.from(copies.get('n/a')?.text ?? []).toString()).toBe('longer text');
  copies.delete('n/a');
  copies.delete('n/never');
  expect(copies.get('n/a')).toBeUndefined();
  expect(copies.get('n/c')).toBeUndefined();
  expect(copies.size).toEqual({ objects: 1, bytes: each });
  expect(new ObjectCopies().get('x')).toBeUndefined();
});

test('selectors', () => {
  const copies = copiesOf(
    object('n', 'a', { team: 'x', tier: 'front' }),
    object('n', 'b', { team: 'y' }),
    object('n', 'c'),
    object(undefined, 'cluster-wide'),
  );
  expect(keys(copies, { labelSelector: 'team in (x,y),tier notin (front)' })).toEqual(['n/b']);
  expect(keys(copies, { labelSelector: '!team', namespace: 'n' })).toEqual(['n/c']);
  expect(keys(copies, { labelSelector: 'team!=x', limit: 1 })).toEqual(['cluster-wide']);
  expect(keys(copies, { fieldSelector: 'metadata.name=b' })).toEqual(['n/b']);
  expect(keys(copies, { fieldSelector: 'metadata.namespace!=n' })).toEqual(['cluster-wide']);
  expect(keys(copies, { fieldSelector: 'metadata.name!=a', labelSelector: 'team' })).toEqual(['n/b']);
});

test.each([
  { fieldSelector: 'status.phase=Running' },
  { labelSelector: 'a b c' },
  { labelSelector: 'size>3' },
  { labelSelector: 'team in (x' },
])('%j is for the cluster to judge', (options) => {
  expect(copyQuery({ namespaced: true }, options)).toBeUndefined();
});

test('what has no namespace does not know the field', () => {
  expect(copyQuery({ namespaced: false }, { fieldSelector: 'metadata.namespace=n' })).toBeUndefined();
  expect(copyQuery({ namespaced: false }, { fieldSelector: 'metadata.name=n' })).toBeDefined();
});
