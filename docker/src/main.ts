import { resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { type BuildOptions, type BuiltImage, buildImages } from './build-images.ts';
import { CommandFailed, output } from './command.ts';
import { ARCHITECTURES, type Architecture, isArchitecture } from './images.ts';

const CHECKOUT = resolve(import.meta.dirname, '../..');

const NEEDS = `
Needs npm, and apt-get and dpkg-deb (Debian or Ubuntu) for the base, unless --base is given. No daemon is asked.
Each archive is an OCI layout that Docker, Podman, containerd, kind and k3d load:
  docker load -i FILE        kind load image-archive FILE        k3d image import FILE`;

interface Flags {
  out: string;
  arch: Architecture[];
  tag: string;
  prefix: string;
  base?: string;
  nats?: string;
  load?: boolean;
  output: 'text' | 'json';
}

const note = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

const program = new Command('npm run images --')
  .description('Builds the container images into archives')
  .option('--out <dir>', 'where the archives and the lists of their content go', 'images')
  .option('--arch <list>', `architectures: ${Object.keys(ARCHITECTURES).join(', ')}`, architectures, [own()])
  .option('--tag <tag>', 'tag of the images', 'dev')
  .option('--prefix <prefix>', 'before the names, as "registry.example/team/"', '')
  .option('--base <tar>', 'root file system to use instead, with glibc and /usr/local/bin/node (`docker export`)')
  .option('--nats <file>', 'a nats-server of one architecture to make an image of too, where no registry has one')
  .option('--load', 'load them into Docker when they are built')
  .addOption(new Option('-o, --output <format>', 'what to print').choices(['text', 'json']).default('text'))
  .addHelpText('after', NEEDS)
  .action(build);

try {
  await program.parseAsync();
} catch (error) {
  note(error instanceof CommandFailed ? error.message : String(error instanceof Error ? error.stack : error));
  process.exitCode = 1;
}

async function build(flags: Flags): Promise<void> {
  if (flags.arch.length > 1 && (flags.base !== undefined || flags.nats !== undefined))
    program.error('error: --base and --nats are files of one architecture: give one --arch, and run it for each');
  const options: BuildOptions = {
    checkout: CHECKOUT,
    outDir: resolve(flags.out),
    architectures: flags.arch,
    prefix: flags.prefix,
    tag: flags.tag,
    ...(flags.base !== undefined && { base: resolve(flags.base) }),
    ...(flags.nats !== undefined && { nats: resolve(flags.nats) }),
    note,
  };
  const built = await buildImages(options);
  if (flags.load) for (const { archive } of built) note((await output('docker', ['load', '-i', archive])).trim());
  print(built, flags.output);
}

function print(built: readonly BuiltImage[], format: Flags['output']): void {
  if (format === 'json') console.log(JSON.stringify(built, null, 2));
  else
    for (const { reference, architecture, archive, digest, bytes } of built)
      console.log(`${reference} ${architecture} ${Math.round(bytes / 2 ** 20)} MiB ${digest}\n  ${archive}`);
}

function architectures(list: string): Architecture[] {
  const names = list.split(',');
  if (!names.every(isArchitecture))
    throw new InvalidArgumentError(`Give some of ${Object.keys(ARCHITECTURES).join(', ')}.`);
  return names;
}

function own(): Architecture {
  return process.arch === 'arm64' ? 'arm64' : 'amd64';
}
