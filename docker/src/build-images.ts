import { createReadStream } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addNpm, makeApp } from './app-tree.ts';
import { makeBase } from './base-tree.ts';
import { billOfMaterials, debianComponents } from './bill-of-materials.ts';
import { output } from './command.ts';
import type { DebianPackage } from './debian-packages.ts';
import { writeImage } from './image-archive.ts';
import { APP_DIR, type Architecture, IMAGES, type ImageDefinition, NATS, USER_ID } from './images.ts';
import { compressLayer, type Layer, writeLayer } from './tar-layer.ts';

export interface BuildOptions {
  checkout: string;
  outDir: string;
  architectures: readonly Architecture[];
  /** Before the images' names, with its slash, as `registry.example/team/`. */
  prefix: string;
  tag: string;
  /** A nats-server to make one more image of. */
  nats?: string;
  /** A tar archive of a root file system with Node in its PATH, in place of the one made of Debian's packages. */
  base?: string;
  note: (line: string) => void;
}

export interface BuiltImage {
  reference: string;
  architecture: Architecture;
  archive: string;
  digest: string;
  /** Unpacked. */
  bytes: number;
  sbom?: string;
}

const PROGRAMS_DIR = '/usr/local/bin';
/** Unpacked, on the base of ours: what nodes load and keep. What is above it was added by mistake. */
const MOST_BYTES = 250e6;

/** Builds every image for each architecture into archives. Needs npm, and Debian's apt-get unless a base is given. */
export async function buildImages(options: BuildOptions): Promise<BuiltImage[]> {
  const source = await readSource(options.checkout);
  await mkdir(options.outDir, { recursive: true });
  const built: BuiltImage[] = [];
  for (const architecture of options.architectures) {
    const workDir = await mkdtemp(join(tmpdir(), 'jspolicy-images-'));
    try {
      built.push(...(await buildArchitecture(architecture, workDir, source, options)));
    } finally {
      await rm(workDir, { recursive: true });
    }
  }
  return built;
}

/** What tells builds of one commit from those of another; and the time that everything in the images has. */
interface Source {
  version: string;
  revision: string;
  modified: Date;
}

async function readSource(checkout: string): Promise<Source> {
  const { version } = JSON.parse(await readFile(join(checkout, 'package.json'), 'utf8'));
  const log = await output('git', ['log', '-1', '--format=%H %ct'], { cwd: checkout }).catch(() => '');
  const [commit = '', seconds] = log.trim().split(' ');
  const changes = await output('git', ['status', '--porcelain', '--untracked-files=no'], { cwd: checkout }).catch(
    () => '',
  );
  const revision = changes === '' ? commit : `${commit}-dirty`;
  const epoch = Number(process.env['SOURCE_DATE_EPOCH'] ?? seconds ?? 0);
  return { version, revision, modified: new Date(epoch * 1000) };
}

interface Base {
  layers: Layer[];
  packages: DebianPackage[];
}

async function buildArchitecture(
  architecture: Architecture,
  workDir: string,
  source: Source,
  options: BuildOptions,
): Promise<BuiltImage[]> {
  const built: BuiltImage[] = [];
  let base: Base | undefined;
  for (const image of IMAGES) {
    options.note(`${image.name} for ${architecture} ...`);
    const place = join(workDir, image.name);
    await mkdir(join(place, 'root', APP_DIR), { recursive: true });
    const app = await makeApp(join(place, 'root', APP_DIR), image, { ...options, architecture, workDir: place });
    base ??= await makeBaseLayers(architecture, { workDir, node: app.node, source, options });
    const npm = image.npm ? await addNpm(join(place, 'root'), options.checkout) : [];
    const components = [...app.components, ...npm, ...debianComponents(base.packages)];
    const text = billOfMaterials(image.name, source.version, components);
    const sbom = await writeSbom(
      join(place, 'root'),
      join(options.outDir, `${image.name}-${architecture}.cdx.json`),
      text,
    );
    const layer = await writeLayer(join(place, 'root'), join(place, 'app.layer'), source.modified);
    built.push({ ...(await archive(image, architecture, [...base.layers, layer], source, options)), sbom });
  }
  if (options.nats !== undefined && base)
    built.push(await buildNats(options.nats, architecture, base, source, { ...options, workDir }));
  return built;
}

async function makeBaseLayers(
  architecture: Architecture,
  { workDir, node, source, options }: { workDir: string; node: string; source: Source; options: BuildOptions },
): Promise<Base> {
  const systemPath = join(workDir, 'system.layer');
  if (options.base !== undefined)
    return { layers: [await compressLayer(createReadStream(options.base), systemPath)], packages: [] };
  const packages = await makeBase(join(workDir, 'system'), architecture, workDir);
  const system = await writeLayer(join(workDir, 'system'), systemPath, source.modified);
  return { layers: [system, await programLayer(join(node, 'bin/node'), 'node', workDir, source)], packages };
}

async function programLayer(file: string, name: string, workDir: string, { modified }: Source): Promise<Layer> {
  const root = join(workDir, `${name}-root`);
  await mkdir(join(root, PROGRAMS_DIR), { recursive: true });
  await cp(file, join(root, PROGRAMS_DIR, name));
  return writeLayer(root, `${root}.layer`, modified);
}

/** nats-server of this machine on the same base, for clusters that reach no registry. */
async function buildNats(
  file: string,
  architecture: Architecture,
  base: Base,
  source: Source,
  options: BuildOptions & { workDir: string },
) {
  const [system] = base.layers;
  if (!system) throw new Error('a base without layers');
  const program = await programLayer(file, 'nats-server', options.workDir, source);
  return archive(NATS, architecture, [system, program], source, options);
}

/** Beside the archive, and in the image for those who have nothing else. */
async function writeSbom(root: string, path: string, text: string): Promise<string> {
  await writeFile(join(root, APP_DIR, 'sbom.cdx.json'), text);
  await writeFile(path, text);
  return path;
}

async function archive(
  image: Pick<ImageDefinition, 'name' | 'title' | 'program' | 'args'>,
  architecture: Architecture,
  layers: readonly Layer[],
  source: Source,
  { outDir, prefix, tag, base }: BuildOptions,
): Promise<Omit<BuiltImage, 'sbom'>> {
  const reference = `${prefix}${image.name}:${tag}`;
  const path = join(outDir, `${image.name}-${architecture}.tar`);
  const settings = {
    reference,
    architecture,
    created: source.modified,
    user: `${USER_ID}:${USER_ID}`,
    workingDir: `/${APP_DIR}`,
    entrypoint: [`${PROGRAMS_DIR}/${image.program}`],
    args: image.args,
    env: {
      PATH: '/usr/local/bin:/usr/bin',
      NODE_ENV: 'production',
      SSL_CERT_FILE: '/etc/ssl/certs/ca-certificates.crt',
    },
    labels: labels(image, source),
  };
  const bytes = layers.reduce((sum, { unpackedBytes }) => sum + unpackedBytes, 0);
  if (base === undefined && bytes > MOST_BYTES)
    throw new Error(
      `${reference} has ${Math.round(bytes / 1e6)} MB, ${MOST_BYTES / 1e6} MB are the most: what was added?`,
    );
  const digest = await writeImage(path, settings, layers);
  return { reference, architecture, archive: path, digest, bytes };
}

function labels(
  { title }: Pick<ImageDefinition, 'title'>,
  { version, revision, modified }: Source,
): Record<string, string> {
  const values = { title, version, revision, created: modified.toISOString(), licenses: 'Apache-2.0' };
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`org.opencontainers.image.${name}`, value]));
}
