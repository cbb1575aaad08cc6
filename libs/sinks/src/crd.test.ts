import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { SINK_TYPES, sinkSettingsField } from '@jspolicy/contracts';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { SINKS } from './index.ts';

const CRD = resolve(import.meta.dirname, '../../../k8s/crds/violationsinks.yaml');

test('the schema of the kind has the settings of each type, and asks for what they ask for', async () => {
  const { spec } = parse(await readFile(CRD, 'utf8'));
  const { properties } = spec.versions[0].schema.openAPIV3Schema.properties.spec;
  expect(properties.type.enum).toEqual(SINK_TYPES);
  for (const type of SINK_TYPES) {
    const { fields } = SINKS[type];
    const schema = properties[sinkSettingsField(type)];
    expect([type, ...Object.keys(schema.properties ?? {}).sort()]).toEqual([type, ...Object.keys(fields).sort()]);
    const required = Object.keys(fields).filter((name) => fields[name]?.required);
    expect([type, ...(schema.required ?? [])].sort()).toEqual([type, ...required].sort());
  }
});
