import { cp, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DebianPackage, unpackDebian } from './debian-packages.ts';
import { ARCHITECTURES, type Architecture, USER_ID } from './images.ts';
import { matching } from './matching.ts';

/**
 * What Node and isolated-vm link to, certificates, and the release's name. util-linux is there for its setpriv alone:
 * with it sandbox processes die with their parent. There is no shell and no package manager.
 */
const PACKAGES = ['base-files', 'ca-certificates', 'libc6', 'libcap-ng0', 'libgcc-s1', 'libstdc++6', 'util-linux'];

/** What of the packages goes in; a folder means all of it. */
const KEPT = [
  'etc/debian_version',
  'lib',
  'lib64',
  'usr/bin/setpriv',
  'usr/lib',
  'usr/share/ca-certificates',
  'usr/share/common-licenses',
  'usr/share/doc',
];
/** Character sets that nothing of ours asks for, and what init systems and administrators read. */
const DROPPED = [
  'usr/lib/*/gconv',
  'usr/lib/*/audit',
  'lib/systemd',
  'usr/lib/systemd',
  'usr/lib/mime',
  'usr/share/doc/*/[!c]*',
];

/** Makes the root file system below every image, but for Node, in `root`. */
export async function makeBase(root: string, architecture: Architecture, workDir: string): Promise<DebianPackage[]> {
  const unpacked = join(workDir, 'unpacked');
  await mkdir(unpacked, { recursive: true });
  const { debian } = ARCHITECTURES[architecture];
  const packages = await unpackDebian(PACKAGES, { architecture: debian, root: unpacked, workDir });
  await keep(unpacked, root);
  await writeAccounts(root);
  await writeCertificates(root);
  await writePackageList(root, packages);
  return packages;
}

async function keep(from: string, to: string): Promise<void> {
  for (const name of KEPT) {
    const copied = { recursive: true, verbatimSymlinks: true };
    await cp(join(from, name), join(to, merged(name)), copied).catch((error) => {
      // Which of these there are depends on the release and the architecture.
      if (error.code !== 'ENOENT' || !MERGED.includes(name)) throw error;
    });
  }
  for (const name of MERGED) await symlink(`usr/${name}`, join(to, name));
  for (const name of await matching(DROPPED, to)) await rm(join(to, name), { recursive: true, force: true });
}

/** Packages of some releases still name /lib; the images have it below /usr, as an installed Debian has. */
const MERGED = ['lib', 'lib64'];
const merged = (name: string): string => (MERGED.includes(name) ? `usr/${name}` : name);

async function writeAccounts(root: string): Promise<void> {
  const files = {
    'etc/passwd': `root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:${USER_ID}:${USER_ID}:nonroot:/home/nonroot:/sbin/nologin\n`,
    'etc/group': `root:x:0:\nnonroot:x:${USER_ID}:\n`,
    'etc/nsswitch.conf': 'hosts: files dns\n',
    'etc/os-release': await readFile(join(root, 'usr/lib/os-release'), 'utf8'),
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(root, name), text);
  for (const name of ['home/nonroot', 'proc', 'sys', 'dev']) await mkdir(join(root, name), { recursive: true });
  await mkdir(join(root, 'tmp'), { mode: 0o1777 });
}

/** The bundle that ca-certificates makes when it is installed: every certificate, in the order of their names. */
async function writeCertificates(root: string): Promise<void> {
  const names = await matching(['usr/share/ca-certificates/mozilla/*.crt'], root);
  const texts = await Promise.all(names.map((name) => readFile(join(root, name), 'utf8')));
  await mkdir(join(root, 'etc/ssl/certs'), { recursive: true });
  await writeFile(join(root, 'etc/ssl/certs/ca-certificates.crt'), texts.join(''));
  await rm(join(root, 'usr/share/ca-certificates'), { recursive: true });
}

/** Where scanners look in images without dpkg, as in the distroless ones. */
async function writePackageList(root: string, packages: readonly DebianPackage[]): Promise<void> {
  const directory = join(root, 'var/lib/dpkg/status.d');
  await mkdir(directory, { recursive: true });
  for (const { name, control } of packages) await writeFile(join(directory, name), control);
}
