import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '@jspolicy/contracts';
import { pause } from '@jspolicy/runtime';
import { type Cluster, KubeError, type RequestOptions } from './port.ts';

interface Definition extends KubeObject {
  spec: { group: string; names: { kind: string }; versions: { name: string; served: boolean }[] };
}

/** An API server serves a new kind within a second or two; a slow one is given this. */
const SERVED_WITHIN_MS = 30_000;

/**
 * Creates or updates every CustomResourceDefinition of a directory of YAML files, and waits until each kind is served.
 * Idempotent; what is up to date is not written. Throws KubeError, also when a kind is not served in 30 s.
 */
export async function installCrds(cluster: Cluster, directory: string, options: RequestOptions = {}): Promise<void> {
  const definitions = await readDefinitions(directory);
  for (const definition of definitions) await apply(cluster, definition, options);
  await Promise.all(definitions.map((definition) => waitUntilServed(cluster, definition, options)));
}

async function readDefinitions(directory: string): Promise<Definition[]> {
  const { parseManifest } = await import('./directory/manifest-file.ts');
  const names = (await readdir(directory)).filter((name) => /\.ya?ml$/.test(name)).sort();
  const files = await Promise.all(
    names.map(async (name) => parseManifest(await readFile(join(directory, name), 'utf8'), join(directory, name))),
  );
  const problem = files.flatMap(({ problems }) => problems)[0];
  if (problem) throw new Error(`${problem.file}:${problem.line}:${problem.column}: ${problem.message}`);
  const objects = files.flatMap((file) => file.objects.map(({ object }) => object));
  return objects.filter((object): object is Definition => object.kind === 'CustomResourceDefinition');
}

async function apply(cluster: Cluster, definition: Definition, options: RequestOptions): Promise<void> {
  const type = await cluster.resolve(definition.apiVersion, definition.kind, options);
  const { name } = definition.metadata;
  for (let attempt = 0; ; attempt++) {
    try {
      const current = await cluster.get(type, name, undefined, options);
      if (current && contains(current['spec'], definition.spec)) return;
      if (current) await cluster.update(type, { ...current, spec: definition.spec }, options);
      else await cluster.create(type, definition, options);
      return;
    } catch (error) {
      // Another installer, or the API server's own controller, was there between reading and writing.
      if (!(error instanceof KubeError && error.status === 409 && attempt < 5)) throw error;
    }
  }
}

/** Whether everything wanted is there already; the API server adds defaults of its own to a definition. */
function contains(actual: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(actual) && actual.length === wanted.length && wanted.every((item, i) => contains(actual[i], item))
    );
  }
  if (typeof wanted !== 'object' || wanted === null) return isDeepStrictEqual(actual, wanted);
  if (typeof actual !== 'object' || actual === null) return false;
  const fields = new Map(Object.entries(actual));
  return Object.entries(wanted).every(([key, value]) => contains(fields.get(key), value));
}

async function waitUntilServed(cluster: Cluster, { spec }: Definition, options: RequestOptions): Promise<void> {
  const version = spec.versions.find(({ served }) => served)?.name ?? '';
  const giveUpAtMs = performance.now() + SERVED_WITHIN_MS;
  for (;;) {
    try {
      const type = await cluster.resolve(`${spec.group}/${version}`, spec.names.kind, options);
      await cluster.list(type, { limit: 1, ...options });
      return;
    } catch (error) {
      const waiting = error instanceof KubeError && (error.status === 404 || error.status === 503);
      if (!waiting || performance.now() > giveUpAtMs) throw error;
    }
    await pause(100, options.signal);
  }
}
