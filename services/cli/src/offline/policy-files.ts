import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { API_GROUP, type JsPolicy, type JsPolicyBundle, type KubeObject } from '@jspolicy/contracts';
import { type ManifestObject, readManifest, type SourcePlace } from '@jspolicy/kube';
import { CommandError } from '../exit-codes.ts';
import { whyUnreadable } from '../file-words.ts';
import { shownPath } from '../terminal.ts';

/** A policy as its author wrote it. */
export interface PolicyFile {
  policy: JsPolicy;
  /** Of the JsPolicyBundle of the same name, where the policy has no source. */
  bundle?: JsPolicyBundle;
  /** Where the object stands: `file:line:column`. */
  place: string;
  /** Where spec.javascript stands. */
  source?: SourcePlace;
}

export interface PolicyFiles {
  /** In the order of the files. */
  policies: PolicyFile[];
  /** Everything in the files: what get() and list() see. */
  objects: KubeObject[];
  /** What was left out, for the user. */
  notices: string[];
}

/** Reads files and folders of YAML and JSON, each file once. Throws CommandError with every problem, as file:line:column. */
export async function readPolicyFiles(paths: string[]): Promise<PolicyFiles> {
  const files = await eachOnce((await Promise.all(paths.map(filesBelow))).flat());
  const manifests = await Promise.all(files.map(async (file) => readManifest(await readText(file), shownPath(file))));
  const problems = manifests.flatMap((manifest) => manifest.problems);
  if (problems.length > 0) {
    throw new CommandError(
      problems.map((each) => `${each.file}:${each.line}:${each.column}: ${each.message}`).join('\n'),
    );
  }
  const found = manifests.flatMap((manifest) => manifest.objects);
  const objects = found.map(({ object }) => object);
  const bundles = objects.filter((object): object is JsPolicyBundle => isOurs(object, 'JsPolicyBundle'));
  const policies = found.filter(({ object }) => isOurs(object, 'JsPolicy')).map((entry) => policyFile(entry, bundles));
  if (policies.length === 0) throw new CommandError(`no JsPolicy in ${paths.join(', ')}`);
  const notices = manifests.flatMap((manifest) => manifest.notices).map(({ file, message }) => `${file}: ${message}`);
  return { policies, objects, notices };
}

function policyFile({ object, file, line, column, source }: ManifestObject, bundles: JsPolicyBundle[]): PolicyFile {
  const bundle = bundles.find(({ metadata }) => metadata.name === object.metadata.name);
  const place = `${file}:${line}:${column}`;
  return { policy: object as JsPolicy, place, ...(bundle && { bundle }), ...(source && { source }) };
}

const isOurs = ({ apiVersion, kind }: KubeObject, wanted: string): boolean =>
  kind === wanted && apiVersion.startsWith(`${API_GROUP}/`);

const asCommandError = (path: string) => (cause: unknown) => {
  throw new CommandError(whyUnreadable(path, cause), { cause });
};

const readText = (path: string): Promise<string> => readFile(path, 'utf8').catch(asCommandError(path));

async function eachOnce(paths: string[]): Promise<string[]> {
  const seen = new Map<string, string>();
  for (const path of paths) {
    const real = await realpath(path).catch(asCommandError(path));
    if (!seen.has(real)) seen.set(real, path);
  }
  return [...seen.values()];
}

async function filesBelow(path: string): Promise<string[]> {
  const found = await stat(path).catch(asCommandError(path));
  if (!found.isDirectory()) return [path];
  const names = await readdir(path, { recursive: true }).catch(asCommandError(path));
  return names
    .filter((name) => /\.(?:ya?ml|json)$/.test(name))
    .sort()
    .map((name) => join(path, name));
}
