import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DebianPackage } from './debian-packages.ts';

/** A part of an image, as CycloneDX 1.6 names it. */
export interface Component {
  type: 'library';
  name: string;
  version: string;
  purl: string;
  hashes?: { alg: string; content: string }[];
  licenses?: { license: { name: string } }[];
}

interface InstalledPackage {
  version?: string;
  integrity?: string;
  license?: string;
  link?: boolean;
}

/** What npm installed in a folder, from the list that it keeps there; workspaces of ours are not in it. */
export async function installedPackages(folder: string): Promise<Component[]> {
  const text = await readFile(join(folder, 'node_modules/.package-lock.json'), 'utf8');
  const { packages } = JSON.parse(text) as { packages: Record<string, InstalledPackage> };
  return Object.entries(packages).flatMap(([path, { version, integrity, license, link }]) => {
    if (link || version === undefined || !path.includes('node_modules/')) return [];
    return [component(path.split('node_modules/').at(-1) ?? path, version, integrity, license)];
  });
}

function component(name: string, version: string, integrity?: string, license?: string): Component {
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
  return {
    type: 'library',
    name,
    version,
    purl,
    ...(integrity?.startsWith('sha512-') && {
      hashes: [{ alg: 'SHA-512', content: Buffer.from(integrity.slice('sha512-'.length), 'base64').toString('hex') }],
    }),
    ...(license && { licenses: [{ license: { name: license } }] }),
  };
}

export const debianComponents = (packages: readonly DebianPackage[]): Component[] =>
  packages.map(({ name, version, architecture }) => ({
    type: 'library',
    name,
    version,
    purl: `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${architecture}`,
  }));

/** The same parts give the same text: it has no time and no serial number. */
export function billOfMaterials(name: string, version: string, components: readonly Component[]): string {
  const metadata = { component: { type: 'container', name, version } };
  return `${JSON.stringify({ bomFormat: 'CycloneDX', specVersion: '1.6', version: 1, metadata, components }, null, 2)}\n`;
}
