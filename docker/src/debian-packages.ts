import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { output } from './command.ts';

/** A package that was unpacked: for the list of what is in an image. */
export interface DebianPackage {
  name: string;
  version: string;
  architecture: string;
  /** The control file as Debian wrote it. */
  control: string;
}

/**
 * Unpacks packages of this machine's Debian release, for any architecture, into `root`; their scripts do not run. The
 * machine's own lists and packages stay as they are. Rejects where apt-get or dpkg-deb is missing.
 */
export async function unpackDebian(
  names: readonly string[],
  options: { architecture: string; root: string; workDir: string },
): Promise<DebianPackage[]> {
  const apt = await privateApt(options.architecture, options.workDir);
  const downloads = join(options.workDir, 'debs');
  await mkdir(downloads, { recursive: true });
  await output('apt-get', [...apt, 'update'], {});
  await output('apt-get', [...apt, 'download', ...names], { cwd: downloads });
  const files = (await readdir(downloads)).filter((name) => name.endsWith('.deb')).sort();
  return Promise.all(files.map((name) => unpack(join(downloads, name), options.root)));
}

/** Options for apt-get that keep its lists and state in the work directory. */
async function privateApt(architecture: string, workDir: string): Promise<string[]> {
  const state = join(workDir, 'apt');
  await mkdir(join(state, 'lists/partial'), { recursive: true });
  await mkdir(join(state, 'cache/archives/partial'), { recursive: true });
  await writeFile(join(state, 'status'), '');
  const settings = {
    'Dir::State': state,
    'Dir::State::lists': join(state, 'lists'),
    'Dir::State::status': join(state, 'status'),
    'Dir::Cache': join(state, 'cache'),
    'APT::Architecture': architecture,
    'APT::Architectures': architecture,
    // apt's own user cannot write into the work directory.
    'APT::Sandbox::User': 'root',
    'Acquire::Languages': 'none',
  };
  return ['-qq', ...Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`])];
}

async function unpack(file: string, root: string): Promise<DebianPackage> {
  await output('dpkg-deb', ['-x', file, root]);
  const control = await output('dpkg-deb', ['-f', file]);
  const field = (name: string) => control.match(new RegExp(`^${name}: (.*)$`, 'm'))?.[1] ?? '';
  return { name: field('Package'), version: field('Version'), architecture: field('Architecture'), control };
}
