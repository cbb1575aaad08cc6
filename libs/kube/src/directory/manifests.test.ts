import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { waitFor } from '@jspolicy/testing';
import { expect, test } from 'vitest';
import { dir, follow, manifests, open, policy, write } from './directory.test-part.ts';

test('a broken file is told once, with its place; its last good objects stay; then it is told as fixed', async () => {
  await write('a.yaml', policy('a.example.com'));
  const { cluster, problems, fixed, jsPolicy } = await open();
  const { told, saw } = follow(cluster, jsPolicy);
  await saw('synced');
  const file = join(manifests, 'a.yaml');

  await write('a.yaml', `${policy('a.example.com')}  wrong: [\n`);
  await waitFor(() => problems.length === 1, { what: 'the problem' });
  expect(problems[0]).toMatchObject({ file, line: 12, column: 1, fate: 'kept' });
  await write('b.yaml', policy('b.example.com'));
  await saw('+b.example.com');
  expect(problems).toHaveLength(1);
  expect(await cluster.get(jsPolicy, 'a.example.com')).toBeDefined();

  await write('a.yaml', policy('c.example.com'));
  await waitFor(() => fixed.length === 1, { what: 'the fix' });
  await saw('-a.example.com');
  expect(fixed).toEqual([[file, 'read']]);
  expect(told).toEqual(['+a.example.com', 'synced', '+b.example.com', '-a.example.com', '+c.example.com']);
});

test('a file that is broken when the directory is opened again keeps what was last good, until it is removed', async () => {
  await write('a.yaml', policy('a.example.com', 'good()'));
  await (await open()).cluster.close();
  await write('a.yaml', 'a: [');
  const { cluster, problems, jsPolicy } = await open();
  expect(problems).toHaveLength(1);
  const kept = await cluster.get(jsPolicy, 'a.example.com');
  expect(kept).toMatchObject({ spec: { javascript: 'good()\n' }, metadata: { generation: 1 } });
  await rm(join(manifests, 'a.yaml'));
  await waitFor(async () => !(await cluster.get(jsPolicy, 'a.example.com')), { what: 'the policy to go' });
});

test('a file that was never read well has nothing in force, and is told as gone when it is removed', async () => {
  await write('a.yaml', policy('a.example.com'));
  const { cluster, problems, fixed, jsPolicy } = await open();
  const file = join(manifests, 'b.yaml');
  await write('b.yaml', 'a: [');
  await waitFor(() => problems.length === 1, { what: 'the problem' });
  expect(problems[0]).toMatchObject({ file, fate: 'none' });
  await rm(file);
  await waitFor(() => fixed.length === 1, { what: 'the removal' });
  expect(fixed).toEqual([[file, 'gone']]);
  expect(await cluster.get(jsPolicy, 'a.example.com')).toBeDefined();
});

test('a document with a problem keeps what was last read of it, and the others of its file go on', async () => {
  const document = (name: string, code: string) => policy(`${name}.example.com`, code);
  const file = (...documents: string[]) => write('a.yaml', documents.join('---\n'));
  await file(document('a', 'one()'), 'a: [\n', document('c', 'one()'));
  const { cluster, problems, fixed, jsPolicy } = await open();
  const codes = async () =>
    Object.fromEntries(
      (await cluster.list(jsPolicy)).map(({ metadata, spec }) => [
        metadata.name[0],
        (spec as { javascript: string }).javascript.trim(),
      ]),
    );
  const become = (wanted: object) =>
    waitFor(async () => isDeepStrictEqual(await codes(), wanted), { what: JSON.stringify(wanted) });
  expect(await codes()).toEqual({ a: 'one()', c: 'one()' });
  expect(problems).toMatchObject([{ fate: 'part' }]);

  await file(document('a', 'two()'), document('b', 'two()'), document('c', 'two()'));
  await become({ a: 'two()', b: 'two()', c: 'two()' });
  expect(fixed).toHaveLength(1);
  await file(document('a', 'three()'), document('b', 'three()').replace('CREATE', 'MAKE'), document('c', 'three()'));
  await become({ a: 'three()', b: 'two()', c: 'three()' });
  expect(problems.at(-1)).toMatchObject({
    fate: 'part-kept',
    message: expect.stringContaining('spec.operations "MAKE"'),
  });
  await file(document('a', 'four()'), document('c', 'four()'));
  await become({ a: 'four()', c: 'four()' });
});

test('of two objects of one name the first file wins at the start, and both are named', async () => {
  await write('b.yaml', policy('a.example.com', 'second()'));
  await write('a.yaml', policy('a.example.com', 'first()'));
  const { cluster, problems, jsPolicy } = await open();
  const found = await cluster.get(jsPolicy, 'a.example.com');
  expect(found?.['spec']).toMatchObject({ javascript: 'first()\n' });
  const message = `JsPolicy a.example.com is in force from ${join(manifests, 'a.yaml')}:1, so this one is ignored: rename or remove one of the two`;
  expect(problems).toEqual([{ file: join(manifests, 'b.yaml'), line: 1, column: 1, message, fate: 'ignored' }]);
  expect(found && cluster.sourceOf(found)).toEqual({
    file: join(manifests, 'a.yaml'),
    line: 10,
    columnOffset: 4,
    exact: true,
  });
});

test('a policy that is in force stays when another file, whatever its name, has one of that name', async () => {
  await write('b.yaml', policy('a.example.com', 'one()'));
  const first = await open();
  await write('a.yaml', policy('a.example.com', 'two()'));
  await waitFor(() => first.problems.length === 1, { what: 'the problem' });
  const second = await open();
  for (const { cluster, problems, jsPolicy } of [first, second]) {
    expect(await cluster.get(jsPolicy, 'a.example.com')).toMatchObject({
      spec: { javascript: 'one()\n' },
      metadata: { generation: 1 },
    });
    expect(problems).toMatchObject([{ file: join(manifests, 'a.yaml'), fate: 'ignored' }]);
  }
  const { told, saw } = follow(first.cluster, first.jsPolicy);
  await saw('synced');
  await rm(join(manifests, 'b.yaml'));
  await waitFor(() => told.length === 3, { what: 'the other one' });
  expect(await first.cluster.get(first.jsPolicy, 'a.example.com')).toMatchObject({ spec: { javascript: 'two()\n' } });
  expect(first.fixed).toEqual([[join(manifests, 'a.yaml'), 'read']]);
});

test('a file that is emptied and written again keeps its policies meanwhile', async () => {
  await write('a.yaml', policy('a.example.com'));
  const { cluster, notices, jsPolicy } = await open();
  const { told, saw } = follow(cluster, jsPolicy);
  await saw('synced');
  await write('a.yaml', '');
  await cluster.refresh();
  await write('a.yaml', policy('a.example.com', 'again()'));
  await waitFor(() => told.length === 3, { what: 'the new text' });
  expect(told).toEqual(['+a.example.com', 'synced', '+a.example.com']);
  expect(notices).toEqual([]);
});

test('a file that stays empty is told, and its policies are removed', async () => {
  await write('a.yaml', policy('a.example.com'));
  const { cluster, notices, jsPolicy } = await open();
  const { saw } = follow(cluster, jsPolicy);
  await saw('synced');
  await write('a.yaml', '# nothing\n');
  await saw('-a.example.com');
  const message = 'the file is empty now, what it held is removed: JsPolicy a.example.com';
  expect(notices).toEqual([{ file: join(manifests, 'a.yaml'), message }]);
  expect(await cluster.get(jsPolicy, 'a.example.com')).toBeUndefined();
});

test('a directory that vanishes is told once, what was read stays; then that it is back', async () => {
  await write('a.yaml', policy('a.example.com'));
  const { cluster, readable, jsPolicy } = await open();
  const aside = join(dir.path, 'aside');
  await rename(manifests, aside);
  await waitFor(() => readable.length > 0, { what: 'the trouble' });
  await expect(cluster.refresh()).rejects.toThrow('ENOENT');
  expect(readable).toEqual([expect.stringContaining('ENOENT')]);
  expect(await cluster.get(jsPolicy, 'a.example.com')).toBeDefined();
  await rename(aside, manifests);
  await waitFor(() => readable.at(-1) === 'readable', { what: 'the recovery' });
  expect(readable).toHaveLength(2);
  await write('b.yaml', policy('b.example.com'));
  await waitFor(() => cluster.get(jsPolicy, 'b.example.com'), { what: 'what is written into it' });
});
