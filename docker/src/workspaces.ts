import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

const SCOPE = '@jspolicy/';

/** Folders of services and of every library of ours that they use when they run, sorted. */
export async function workspacesOf(services: readonly string[], checkout: string): Promise<string[]> {
  const found = new Set<string>();
  const visit = async (folder: string): Promise<void> => {
    if (found.has(folder)) return;
    found.add(folder);
    const { dependencies = {} } = JSON.parse(await readFile(join(checkout, folder, 'package.json'), 'utf8'));
    const ours = Object.keys(dependencies).filter((name) => name.startsWith(SCOPE));
    for (const name of ours) await visit(`libs/${name.slice(SCOPE.length)}`);
  };
  for (const service of services) await visit(`services/${service}`);
  return [...found].sort();
}

/** The name under which npm links a workspace into node_modules. */
export const linkOf = (folder: string): string => `${SCOPE}${folder.split('/').at(-1)}`;
