import type { KubeObject } from '@jspolicy/contracts';
import { apiVersionOf, isKind, noMatch, splitApiVersion } from '../object-names.ts';
import type { ResourceType } from '../port.ts';
import { builtinType, pluralOf } from './builtin-kinds.ts';
import type { ManifestObject } from './manifest-file.ts';
import { manifestKey } from './manifests.ts';
import { merged, uidOf } from './object-identity.ts';
import type { Overlay, StateFile } from './state-files.ts';

export type Origin = { object: KubeObject } & (
  | { from: 'manifest'; manifest: ManifestObject; overlay: Overlay | undefined }
  | { from: 'state' }
);

/** Everything the directory shows at one moment: by manifestKey. A manifest wins over what was written. */
export type View = ReadonlyMap<string, Origin>;

export function buildView(manifests: ReadonlyMap<string, ManifestObject>, state: StateFile[]): View {
  const view = new Map<string, Origin>();
  const overlays = overlaysOf(state);
  for (const [key, manifest] of manifests) {
    const overlay = overlays.get(key);
    view.set(key, { from: 'manifest', object: merged(manifest, overlay), manifest, overlay });
  }
  for (const file of state) {
    if (file.kind !== 'object') continue;
    const key = manifestKey(file.object);
    if (!view.has(key)) view.set(key, { from: 'state', object: file.object });
  }
  return view;
}

export function overlaysOf(state: StateFile[]): Map<string, Overlay> {
  return new Map(state.flatMap((file) => (file.kind === 'overlay' ? [[overlayKey(file.overlay), file.overlay]] : [])));
}

export function overlayKey({ apiVersion, kind, namespace, name }: Overlay): string {
  return manifestKey({ apiVersion, kind, metadata: { name, ...(namespace !== undefined && { namespace }) } });
}

/** What nobody needs any more: overlays without their manifest, and written objects whose owners are all gone. */
export function garbage(manifests: ReadonlyMap<string, ManifestObject>, state: StateFile[]): StateFile[] {
  const uids = new Set(
    [...buildView(manifests, state).values()].map(({ object }) => object.metadata.uid ?? uidOf(object)),
  );
  return state.filter((file) => {
    if (file.kind === 'overlay') return !manifests.has(overlayKey(file.overlay));
    const owners = file.object.metadata.ownerReferences ?? [];
    return owners.length > 0 && owners.every(({ uid }) => !uids.has(uid));
  });
}

/** The type of a kind: built in, defined by a CustomResourceDefinition, or seen in an object. Throws NotFound. */
export function resolveType(view: View, apiVersion: string, kind: string): ResourceType {
  const builtin = builtinType(apiVersion, kind);
  if (builtin) return builtin;
  const objects = [...view.values()].map(({ object }) => object);
  for (const object of objects) {
    const type = definedType(object, kind);
    if (type && apiVersionOf({ group: type.group, version: splitApiVersion(apiVersion).version }) === apiVersion) {
      return { ...type, version: splitApiVersion(apiVersion).version };
    }
  }
  const seen = objects.filter((object) => object.apiVersion === apiVersion && isKind(object.kind, kind));
  const [first] = seen;
  if (!first) throw noMatch(apiVersion, kind);
  const namespaced = seen.some(({ metadata }) => metadata.namespace !== undefined);
  return { ...splitApiVersion(apiVersion), kind: first.kind, resource: pluralOf(first.kind), namespaced };
}

interface Definition {
  group?: string;
  scope?: string;
  names?: { kind?: string; plural?: string };
}

function definedType(object: KubeObject, kind: string): ResourceType | undefined {
  if (object.kind !== 'CustomResourceDefinition') return undefined;
  const spec = (object['spec'] ?? {}) as Definition;
  const { kind: defined, plural } = spec.names ?? {};
  if (defined === undefined || !isKind(defined, kind) || !spec.group) return undefined;
  const resource = plural ?? pluralOf(defined);
  return { group: spec.group, version: '', kind: defined, resource, namespaced: spec.scope === 'Namespaced' };
}
