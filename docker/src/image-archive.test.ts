import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { gunzipSync } from 'node:zlib';
import { extract, type Header } from 'tar-stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fullReference, type ImageSettings, writeImage } from './image-archive.ts';
import { writeLayer } from './tar-layer.ts';

const CREATED = new Date('2026-01-02T03:04:05Z');
const SETTINGS: ImageSettings = {
  reference: 'example/image:1',
  architecture: 'amd64',
  created: CREATED,
  user: '65532:65532',
  workingDir: '/app',
  entrypoint: ['/usr/local/bin/node'],
  args: ['main.js'],
  env: { NODE_ENV: 'production' },
  labels: { 'org.opencontainers.image.version': '1' },
};

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'jspolicy-image-test-'));
});
afterAll(() => rm(dir, { recursive: true }));

/** Files in an order of their own, with times and modes of their own. */
async function tree(name: string, files: readonly string[], mtime: Date): Promise<string> {
  const root = join(dir, name);
  await mkdir(join(root, 'tmp'), { recursive: true });
  await chmod(join(root, 'tmp'), 0o1777);
  for (const file of files) {
    await writeFile(join(root, file), `content of ${file}`);
    await chmod(join(root, file), file.endsWith('.sh') ? 0o700 : 0o600);
    await utimes(join(root, file), mtime, mtime);
  }
  await symlink('a.txt', join(root, 'link'));
  return root;
}

async function entries(archive: Buffer): Promise<Map<string, { header: Header; body: Buffer }>> {
  const found = new Map<string, { header: Header; body: Buffer }>();
  const reader = extract();
  reader.on('entry', (header, stream, next) => {
    buffer(stream).then((body) => {
      found.set(header.name, { header, body });
      next();
    }, next);
  });
  await pipeline(Readable.from([archive]), reader);
  return found;
}

const sha256 = (body: Buffer) => `sha256:${createHash('sha256').update(body).digest('hex')}`;

test('the same files give the same layer, whenever and in whatever order they were written', async () => {
  const first = await writeLayer(await tree('one', ['a.txt', 'run.sh'], new Date(0)), join(dir, 'one.layer'), CREATED);
  const second = await writeLayer(await tree('two', ['run.sh', 'a.txt'], new Date()), join(dir, 'two.layer'), CREATED);
  expect({ ...second, path: first.path }).toEqual(first);
  const packed = await readFile(first.path);
  expect(sha256(packed)).toBe(first.digest);
  expect(sha256(gunzipSync(packed))).toBe(first.diffId);
  const found = await entries(gunzipSync(packed));
  expect([...found.keys()]).toEqual(['a.txt', 'link', 'run.sh', 'tmp/']);
  expect(found.get('run.sh')?.header).toMatchObject({ mode: 0o755, uid: 0, gid: 0, mtime: CREATED });
  expect(found.get('a.txt')?.header.mode).toBe(0o644);
  expect(found.get('tmp/')?.header.mode).toBe(0o1777);
  expect(found.get('link')?.header.linkname).toBe('a.txt');
});

test('an archive holds what its digests name, for readers of OCI layouts and of docker save', async () => {
  const layer = await writeLayer(await tree('three', ['a.txt'], new Date()), join(dir, 'three.layer'), CREATED);
  const path = join(dir, 'image.tar');
  const digest = await writeImage(path, SETTINGS, [layer]);
  const found = await entries(await readFile(path));
  const blob = (name: string) => found.get(`blobs/${name.replace(':', '/')}`)?.body ?? Buffer.alloc(0);
  const read = (name: string) => JSON.parse(found.get(name)?.body.toString() ?? '');
  for (const [name, { body }] of found)
    if (name.startsWith('blobs/')) expect(sha256(body)).toBe(name.slice('blobs/'.length).replace('/', ':'));
  expect(read('index.json').manifests[0]).toMatchObject({ digest, platform: { architecture: 'amd64', os: 'linux' } });
  expect(read('index.json').manifests[0].annotations).toMatchObject({
    'io.containerd.image.name': 'docker.io/example/image:1',
  });
  const manifest = JSON.parse(blob(digest).toString());
  expect(manifest.layers).toEqual([expect.objectContaining({ digest: layer.digest, size: layer.bytes })]);
  const config = JSON.parse(blob(manifest.config.digest).toString());
  expect(config).toMatchObject({ rootfs: { diff_ids: [layer.diffId] }, config: { User: '65532:65532' } });
  expect(read('manifest.json')).toEqual([
    {
      Config: `blobs/${manifest.config.digest.replace(':', '/')}`,
      RepoTags: ['example/image:1'],
      Layers: [`blobs/${layer.digest.replace(':', '/')}`],
    },
  ]);
});

test.each([
  ['jspolicy:1', 'docker.io/library/jspolicy:1'],
  ['team/jspolicy:1', 'docker.io/team/jspolicy:1'],
  ['registry.example/jspolicy:1', 'registry.example/jspolicy:1'],
  ['localhost/jspolicy:1', 'localhost/jspolicy:1'],
  ['host:5000/jspolicy:1', 'host:5000/jspolicy:1'],
])('containerd is given the complete name of %s', (reference, complete) => {
  expect(fullReference(reference)).toBe(complete);
});
