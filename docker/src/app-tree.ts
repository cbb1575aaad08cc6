import { cp, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Component, installedPackages } from './bill-of-materials.ts';
import { output } from './command.ts';
import { ARCHITECTURES, type Architecture, type ImageDefinition } from './images.ts';
import { matching } from './matching.ts';
import { codeOf, linkOf, workspacesOf } from './workspaces.ts';

/** Every workspace's, also of those that stay out: npm compares all of them with the lock file. */
const PACKAGE_FILES = ['package.json', 'package-lock.json', '*/package.json', '{libs,services}/*/package.json'];

/** Parts of packages that no running program reads. Licences stay. */
const UNREAD = ['**/*.map', '**/*.d.{ts,cts,mts}', '**/*.{md,markdown}', '.package-lock.json', '.bin', 'node-linux-*'];
/** isolated-vm ships its sources, itself once more, and builds for every system. */
const UNREAD_OF_ISOLATED_VM = [
  '*.tgz',
  'src',
  'vendor',
  'native-example',
  'scripts',
  'binding.gyp',
  'prebuilds/*/*.musl.*',
];

const NPM = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];

export interface AppTree {
  /** The package that holds Node, moved out of the tree. */
  node: string;
  components: Component[];
}

export interface AppOptions {
  /** A checkout that is built. */
  checkout: string;
  architecture: Architecture;
  workDir: string;
}

/** Makes the code of an image and its production dependencies in `root`. */
export async function makeApp(root: string, image: ImageDefinition, options: AppOptions): Promise<AppTree> {
  const { checkout, architecture, workDir } = options;
  const { node: cpu } = ARCHITECTURES[architecture];
  await copyMatching(PACKAGE_FILES, checkout, root);
  const wanted = [
    '--omit=dev',
    '--include-workspace-root',
    ...image.services.flatMap((name) => ['-w', `services/${name}`]),
  ];
  // Scripts would build for this machine; what is native comes built in the packages.
  await output('npm', ['ci', ...NPM, '--os=linux', `--cpu=${cpu}`, ...wanted], { cwd: root });
  const components = await installedPackages(root);
  const node = join(workDir, 'node');
  await rename(join(root, `node_modules/node-linux-${cpu}`), node);
  await keepWorkspaces(root, await workspacesOf(image.services, checkout), checkout);
  await prune(join(root, 'node_modules'), `linux-${cpu}`);
  return { node, components };
}

/** The npm that the compiler runs, where it is looked for beside Node. */
export async function addNpm(root: string, checkout: string): Promise<Component[]> {
  const prefix = join(root, 'usr/local/lib');
  await copyMatching(['package.json', 'package-lock.json'], join(checkout, 'docker/npm'), prefix);
  await output('npm', ['ci', ...NPM], { cwd: prefix });
  const components = await installedPackages(prefix);
  await remove(prefix, ['package*.json', 'node_modules/.*', 'node_modules/npm/{docs,man}']);
  return components;
}

/** Code of the workspaces that run here; package files and links of the others go. */
async function keepWorkspaces(root: string, folders: readonly string[], checkout: string): Promise<void> {
  await remove(root, ['package-lock.json', 'bench', 'docker', 'integration-tests', 'libs', 'services']);
  await copy(await codeOf(folders, checkout), checkout, root);
  await copyMatching(['package.json', 'k8s/crds/*.yaml'], checkout, root);
  const links = new Set(folders.map(linkOf));
  for (const name of await readdir(join(root, 'node_modules/@jspolicy')))
    if (!links.has(`@jspolicy/${name}`)) await rm(join(root, 'node_modules/@jspolicy', name));
}

async function prune(modules: string, platform: string): Promise<void> {
  await remove(modules, UNREAD);
  const isolatedVm = join(modules, 'isolated-vm');
  await remove(isolatedVm, UNREAD_OF_ISOLATED_VM);
  const platforms = await readdir(join(isolatedVm, 'prebuilds')).catch(() => []);
  await remove(
    join(isolatedVm, 'prebuilds'),
    platforms.filter((name) => name !== platform),
  );
}

async function copyMatching(patterns: readonly string[], from: string, to: string): Promise<void> {
  await copy(await matching(patterns, from), from, to);
}

async function copy(names: readonly string[], from: string, to: string): Promise<void> {
  for (const name of names) {
    await mkdir(dirname(join(to, name)), { recursive: true });
    await cp(join(from, name), join(to, name));
  }
}

async function remove(root: string, patterns: readonly string[]): Promise<void> {
  for (const name of await matching(patterns, root)) await rm(join(root, name), { recursive: true, force: true });
}
