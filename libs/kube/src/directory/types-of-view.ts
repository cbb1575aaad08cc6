import { apiVersionOf } from '../object-names.ts';
import { KubeError, type ResourceType } from '../port.ts';
import { BUILTIN_TYPES, typeKey } from './builtin-kinds.ts';
import { resolveType, type View } from './view.ts';

/** The built-in types, and those of the objects that there are: a kind without objects has nothing to follow yet. */
export function typesOf(view: View): ResourceType[] {
  const types = new Map(BUILTIN_TYPES.map((type) => [typeKey(apiVersionOf(type), type.kind), type]));
  for (const { object } of view.values()) {
    const key = typeKey(object.apiVersion, object.kind);
    const type = types.has(key) ? undefined : resolved(view, object);
    if (type) types.set(key, type);
  }
  return [...types.values()];
}

function resolved(view: View, { apiVersion, kind }: { apiVersion: string; kind: string }): ResourceType | undefined {
  try {
    return resolveType(view, apiVersion, kind);
  } catch (error) {
    if (error instanceof KubeError) return undefined;
    throw error;
  }
}
