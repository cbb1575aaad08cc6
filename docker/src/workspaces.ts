import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { matching } from './matching.ts';

const SCOPE = '@jspolicy/';
const TEST = /\.(server-)?test(-part)?\.js$/;

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

/**
 * What runs of workspaces, sorted: no tests, and nothing that an earlier build left of a source that is gone. The compiler does
 * not remove it, and images of one commit would differ.
 */
export async function codeOf(folders: readonly string[], checkout: string): Promise<string[]> {
  const built = folders.flatMap((folder) => [`${folder}/package.json`, `${folder}/{dist,bin}/**/*.js`]);
  const sources = new Set(
    await matching(
      folders.map((folder) => `${folder}/src/**/*.ts`),
      checkout,
    ),
  );
  return (await matching(built, checkout)).filter((name) => {
    const source = /^(.*)\/dist\/(.*)\.js$/.exec(name);
    return !TEST.test(name) && (!source || sources.has(`${source[1]}/src/${source[2]}.ts`));
  });
}

/** The name under which npm links a workspace into node_modules. */
export const linkOf = (folder: string): string => `${SCOPE}${folder.split('/').at(-1)}`;
