import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

type Go = (args: string[], cwd: string) => Promise<string>;

/**
 * Makes, in a folder of work, a module that can build another kube-apiserver than the pinned one: the same tools.go, and
 * a go.mod in which the modules that Kubernetes keeps in its own ./staging are replaced by their published versions.
 */
export async function ensureKubeModule(version: string, pinned: string, work: string, go: Go): Promise<string> {
  const folder = join(work, 'module');
  await mkdir(folder);
  await copyFile(join(pinned, 'tools.go'), join(folder, 'tools.go'));
  const goLine = /^go .+$/m.exec(await readFile(join(pinned, 'go.mod'), 'utf8'))?.[0] ?? '';
  const start = `module jspolicy.local/tools/kubernetes\n\n${goLine}\n\n`;
  await writeFile(join(folder, 'go.mod'), start);
  const got = JSON.parse(await go(['mod', 'download', '-json', `k8s.io/kubernetes@v${version}`], folder));
  const replaced = replacements(await readFile(got.GoMod, 'utf8'), version);
  await writeFile(join(folder, 'go.mod'), `${start}require k8s.io/kubernetes v${version}\n\n${replaced.join('\n')}\n`);
  await go(['mod', 'tidy'], folder);
  return folder;
}

/** Kubernetes 1.35.4 publishes its staged modules as v0.35.4. */
export function replacements(goMod: string, version: string): string[] {
  const staged = version.replace(/^1\./, '0.');
  const lines = goMod.matchAll(/^\s*(?:replace\s+)?(\S+) => \.\/staging\//gm);
  return [...lines].map(([, name]) => `replace ${name} => ${name} v${staged}`);
}
