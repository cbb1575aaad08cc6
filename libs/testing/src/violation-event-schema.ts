import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

const SCHEMA = resolve(import.meta.dirname, '../../../docs/violation-event.schema.json');

interface Schema {
  properties?: Record<string, Schema>;
  additionalProperties?: unknown;
  $defs?: Record<string, Schema>;
}

let validate: ReturnType<Ajv2020['compile']> | undefined;

/** What is wrong with a violation event by its published JSON Schema; fields that the schema does not know, too. */
export function violationEventProblems(event: unknown): string[] {
  validate ??= compiled();
  if (validate(event)) return [];
  return (validate.errors ?? []).map(({ instancePath, message, params }) => {
    return `${instancePath} ${message} ${JSON.stringify(params)}`;
  });
}

function compiled() {
  const ajv = new Ajv2020({ allErrors: true, strict: true });
  addFormats.default(ajv);
  return ajv.compile(closed(JSON.parse(readFileSync(SCHEMA, 'utf8'))));
}

/** Readers take fields that they do not know; a field that is told must be documented. */
function closed(schema: Schema): Schema {
  const all = (schemas: Record<string, Schema>) =>
    Object.fromEntries(Object.entries(schemas).map(([name, each]) => [name, closed(each)]));
  const { properties, $defs } = schema;
  return {
    ...schema,
    ...($defs && { $defs: all($defs) }),
    ...(properties && { properties: all(properties), additionalProperties: false }),
  };
}
