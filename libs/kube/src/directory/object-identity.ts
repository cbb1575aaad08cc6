import { createHash } from 'node:crypto';
import { API_GROUP, type KubeObject } from '@jspolicy/contracts';
import { splitApiVersion } from '../object-names.ts';
import type { ManifestObject } from './manifest-file.ts';
import { manifestKey } from './manifests.ts';
import type { Overlay } from './state-files.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** The same in every process and after every start: of group, kind, namespace and name, in the form of a UUID. */
export function uidOf(object: KubeObject): string {
  const hash = sha256(manifestKey(object));
  const parts = [
    hash.slice(0, 8),
    hash.slice(8, 12),
    `8${hash.slice(13, 16)}`,
    `8${hash.slice(17, 20)}`,
    hash.slice(20, 32),
  ];
  return parts.join('-');
}

/** Seconds, as the API server writes times. */
export const timestamp = (): string => new Date().toISOString().replace(/\.\d+Z$/, 'Z');

/** Kinds of our own have generation and status kept beside the manifest, and a status subresource. */
export const hasStatus = (object: { apiVersion: string }): boolean =>
  splitApiVersion(object.apiVersion).group === API_GROUP;

/** Everything but metadata and status: a change of it raises the generation. */
export function specHash(object: KubeObject): string {
  const { apiVersion, kind, metadata, status, ...content } = object;
  return sha256(JSON.stringify(content));
}

export function contentHash(object: KubeObject): string {
  const { status, ...content } = object;
  return sha256(JSON.stringify(hasStatus(object) ? content : object));
}

/** The overlay that a manifest's object needs, or undefined when the one that is there says the same. */
export function renewedOverlay(
  { object }: ManifestObject,
  file: string,
  before: Overlay | undefined,
): Overlay | undefined {
  const hashes = { contentHash: contentHash(object), specHash: specHash(object) };
  if (before?.contentHash === hashes.contentHash && before.file === file) return undefined;
  const { apiVersion, kind, metadata } = object;
  const risen = before !== undefined && before.specHash !== hashes.specHash;
  return {
    ...before,
    apiVersion,
    kind,
    ...(metadata.namespace !== undefined && { namespace: metadata.namespace }),
    name: metadata.name,
    ...hashes,
    generation: (before?.generation ?? 1) + (risen ? 1 : 0),
    resourceVersion: '',
    creationTimestamp: before?.creationTimestamp ?? timestamp(),
    manifest: object,
    file,
  };
}

/** A manifest's object as the cluster shows it. */
export function merged({ object }: ManifestObject, overlay: Overlay | undefined): KubeObject {
  const { apiVersion, kind, metadata, status, ...content } = object;
  const uid = metadata.uid ?? uidOf(object);
  if (!overlay) {
    // 48 bits of the content's hash: the same in every process, and another when the manifest changes.
    const resourceVersion = String(Number.parseInt(contentHash(object).slice(0, 12), 16));
    return { ...object, metadata: { ...metadata, uid, generation: 1, resourceVersion } };
  }
  const { generation, resourceVersion, creationTimestamp } = overlay;
  const shown = { ...metadata, uid, generation, resourceVersion, creationTimestamp };
  return {
    apiVersion,
    kind,
    metadata: shown,
    ...content,
    ...(overlay.status !== undefined && { status: overlay.status }),
  };
}
