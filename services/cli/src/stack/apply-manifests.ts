import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsPolicy, KubeObject } from '@jspolicy/contracts';
import { type Cluster, KubeError, type ManifestFile, type ManifestObject, readManifest } from '@jspolicy/kube';
import { violationPolicy } from '@jspolicy/policy';
import { CommandError } from '../exit-codes.ts';
import { whyUnreadable } from '../file-words.ts';
import { shownPath, type Terminal } from '../terminal.ts';

/** Objects that others live in come first, policies last: they judge what comes after them. */
const ORDER = ['Namespace', 'CustomResourceDefinition'];
const LAST = ['JsPolicyBundle', 'JsPolicy'];

/** All objects of the YAML and JSON files below a directory. What is left out is noted, and so is each that has a problem. */
export async function readManifests(directory: string, terminal: Terminal): Promise<ManifestObject[]> {
  const names = await readdir(directory, { recursive: true });
  const paths = names.filter((name) => /\.(?:ya?ml|json)$/.test(name)).map((name) => join(directory, name));
  const files: ManifestFile[] = [];
  for (const path of paths.sort()) files.push(await readManifest(await readText(path), shownPath(path)));
  for (const { file, line, column, message } of files.flatMap(({ problems }) => problems))
    terminal.note(`${file}:${line}:${column}: ${message} (not applied)`);
  for (const { file, message } of files.flatMap(({ notices }) => notices)) terminal.note(`${file}: ${message}`);
  return files.flatMap((file) => file.objects).sort((a, b) => rank(a.object) - rank(b.object));
}

const readText = (path: string): Promise<string> =>
  readFile(path, 'utf8').catch((cause: unknown) => {
    throw new CommandError(whyUnreadable(path, cause), { cause });
  });

function rank({ kind }: KubeObject): number {
  if (ORDER.includes(kind)) return ORDER.indexOf(kind);
  return ORDER.length + 1 + LAST.indexOf(kind);
}

/** Creates or updates the objects once. Returns how many were written; what the cluster does not take is noted, with its place. */
export async function applyObjects(cluster: Cluster, objects: ManifestObject[], terminal: Terminal): Promise<number> {
  let written = 0;
  for (const { object, file, line, column } of objects) {
    try {
      await apply(cluster, object);
      written++;
    } catch (error) {
      const why = error instanceof Error ? error.message : error;
      terminal.note(`${file}:${line}:${column}: ${object.kind} ${object.metadata.name} is not applied: ${why}`);
    }
  }
  return written;
}

const ATTEMPTS = 5;

async function apply(cluster: Cluster, object: KubeObject): Promise<void> {
  const type = await cluster.resolve(object.apiVersion, object.kind);
  const namespace = type.namespaced ? (object.metadata.namespace ?? 'default') : undefined;
  const metadata = { ...object.metadata, ...(namespace && { namespace }) };
  const wanted = withStoredWords({ ...object, metadata });
  for (let attempt = 1; ; attempt++) {
    try {
      const current = await cluster.get(type, object.metadata.name, namespace);
      if (!current) await cluster.create(type, wanted);
      else await cluster.update(type, merged(current, wanted));
      return;
    } catch (error) {
      // Another writer was there between reading and writing.
      if (!(error instanceof KubeError && error.reason === 'Conflict' && attempt < ATTEMPTS)) throw error;
    }
  }
}

/** As the webhook for the engine's own kinds makes it, which the API server may not call yet. */
function withStoredWords(object: KubeObject): KubeObject {
  if (object.kind !== 'JsPolicy') return object;
  const { spec } = object as JsPolicy;
  const isKnown = /^(?:deny|warn|dry)$/i.test(spec?.violationPolicy ?? '');
  return isKnown ? { ...object, spec: { ...spec, violationPolicy: violationPolicy(spec.violationPolicy) } } : object;
}

/** What the file does not name stays: status, labels of others, finalizers. */
function merged(current: KubeObject, wanted: KubeObject): KubeObject {
  const { labels, annotations } = current.metadata;
  const metadata = {
    ...current.metadata,
    ...wanted.metadata,
    labels: { ...labels, ...wanted.metadata.labels },
    annotations: { ...annotations, ...wanted.metadata.annotations },
  };
  return { ...current, ...wanted, metadata };
}
