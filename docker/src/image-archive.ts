import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { pack } from 'tar-stream';
import type { Architecture } from './images.ts';
import type { Layer } from './tar-layer.ts';

export interface ImageSettings {
  /** Name and tag, as `docker load` and `ctr images import` show it. */
  reference: string;
  architecture: Architecture;
  created: Date;
  user: string;
  workingDir: string;
  entrypoint: readonly string[];
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  labels: Readonly<Record<string, string>>;
}

type Pack = ReturnType<typeof pack>;

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const CONFIG = 'application/vnd.oci.image.config.v1+json';
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';

/**
 * Writes an image as an OCI layout in a tar archive, with the `manifest.json` of `docker save` beside it: Docker, Podman,
 * containerd, kind and k3d load it. The same settings and layers give the same bytes. Resolves with the image's digest.
 */
export async function writeImage(path: string, settings: ImageSettings, layers: readonly Layer[]): Promise<string> {
  const config = blob(configuration(settings, layers));
  const manifest = blob({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: { mediaType: CONFIG, digest: config.digest, size: config.body.length },
    layers: layers.map(({ digest, bytes }) => ({ mediaType: LAYER, digest, size: bytes })),
    annotations: settings.labels,
  });
  const archive = pack();
  const written = pipeline(archive, createWriteStream(path));
  const add = adder(archive, settings.created);
  add('oci-layout', json({ imageLayoutVersion: '1.0.0' }));
  add('index.json', json(index(settings, manifest)));
  add('manifest.json', json(dockerManifest(settings, config.digest, layers)));
  for (const { digest, body } of [config, manifest]) add(blobPath(digest), body);
  for (const layer of layers) await addFile(archive, layer, settings.created);
  archive.finalize();
  await written;
  return manifest.digest;
}

function configuration(settings: ImageSettings, layers: readonly Layer[]): unknown {
  const { architecture, user, workingDir, entrypoint, args, env, labels } = settings;
  return {
    created: settings.created.toISOString(),
    architecture,
    os: 'linux',
    config: {
      User: user,
      WorkingDir: workingDir,
      Entrypoint: entrypoint,
      Cmd: args,
      Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
      Labels: labels,
    },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map(() => ({ created: settings.created.toISOString(), created_by: 'npm run images' })),
  };
}

function index({ reference, architecture }: ImageSettings, manifest: Blob): unknown {
  const annotations = {
    'io.containerd.image.name': fullReference(reference),
    'org.opencontainers.image.ref.name': reference.split(':').at(-1),
  };
  const platform = { architecture, os: 'linux' };
  const { digest, body } = manifest;
  return {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [{ mediaType: MANIFEST, digest, size: body.length, platform, annotations }],
  };
}

/**
 * A name without a host belongs to Docker Hub, and there without an owner to `library`. Docker, containerd's CRI and Podman
 * complete names so (the module reference of the project distribution is where they have it from), and a kubelet asks containerd
 * for the complete name. What an archive names is imported as it is written, so it must be complete. Nothing is asked of that host.
 */
const DEFAULT_HOST = 'docker.io';
const DEFAULT_OWNER = 'library';

export function fullReference(reference: string): string {
  const [first = '', ...rest] = reference.split('/');
  if (rest.length === 0) return `${DEFAULT_HOST}/${DEFAULT_OWNER}/${reference}`;
  return /[.:]/.test(first) || first === 'localhost' ? reference : `${DEFAULT_HOST}/${reference}`;
}

const dockerManifest = ({ reference }: ImageSettings, config: string, layers: readonly Layer[]): unknown => [
  { Config: blobPath(config), RepoTags: [reference], Layers: layers.map(({ digest }) => blobPath(digest)) },
];

interface Blob {
  digest: string;
  body: Buffer;
}
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
function blob(value: unknown): Blob {
  const body = json(value);
  return { digest: `sha256:${createHash('sha256').update(body).digest('hex')}`, body };
}
const blobPath = (digest: string): string => `blobs/${digest.replace(':', '/')}`;

const adder = (archive: Pack, mtime: Date) => (name: string, body: Buffer) => {
  archive.entry({ name, mtime, mode: 0o644 }, body);
};
async function addFile(archive: Pack, { path, digest, bytes }: Layer, mtime: Date): Promise<void> {
  const entry = archive.entry({ name: blobPath(digest), mtime, mode: 0o644, size: bytes });
  await pipeline(createReadStream(path), entry);
}
