import { parse } from 'yaml';

interface Schema {
  [keyword: string]: unknown;
  properties?: Record<string, Schema>;
}

/** What the schema tells in plain words. Not patterns, and not rules: docs/decisions/0032. */
const KEPT = ['type', 'enum', 'required', 'minimum', 'maximum', 'minItems', 'description'];

/**
 * The schema of the values with the specs of policies and sinks as their definitions have them: a field with a wrong name would
 * be dropped by the API server without a word. `schema` and `crds` are texts of files; the rest of the schema stays.
 */
export function withSpecs(schema: string, crds: { policies: string; sinks: string }): string {
  const values = JSON.parse(schema) as { properties: Record<string, Schema> };
  for (const [name, crd] of Object.entries(crds)) {
    const group = values.properties[name];
    if (!group) throw new Error(`the schema of the values has no ${name}`);
    group['additionalProperties'] = strict(specOf(crd));
  }
  return `${JSON.stringify(values, null, 2)}\n`;
}

function specOf(crd: string): Schema {
  const { spec } = parse(crd) as {
    spec: { versions: { schema: { openAPIV3Schema: { properties: { spec: Schema } } } }[] };
  };
  const [version] = spec.versions;
  if (!version) throw new Error('a definition without versions');
  return version.schema.openAPIV3Schema.properties.spec;
}

/** Of objects with named fields no others; of texts, lists and maps what they hold. */
function strict(schema: Schema): Schema {
  const kept: Schema = {};
  for (const keyword of KEPT) if (keyword in schema) kept[keyword] = schema[keyword];
  const { properties, items, additionalProperties } = schema;
  if (properties) {
    kept.properties = Object.fromEntries(Object.entries(properties).map(([name, field]) => [name, strict(field)]));
    kept['additionalProperties'] = false;
  } else if (typeof additionalProperties === 'object')
    kept['additionalProperties'] = strict(additionalProperties as Schema);
  if (items) kept['items'] = strict(items as Schema);
  return kept;
}
