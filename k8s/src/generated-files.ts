import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { BUS_SERVICES, busPermissions } from '@jspolicy/contracts';
import { chartReadme } from './chart-readme.ts';
import { neededValues } from './needed-values.ts';
import { withSpecs } from './values-schema.ts';

export const CHART_DIR = resolve(import.meta.dirname, '../chart/jspolicy');
const CRDS_DIR = resolve(import.meta.dirname, '../crds');

/** What is made from something else, by path: `npm run chart` writes it, a test compares it. */
export async function generatedFiles(): Promise<Map<string, string>> {
  const permissions = Object.fromEntries(BUS_SERVICES.map((service) => [service, allowed(service)]));
  const values = await readFile(join(CHART_DIR, 'values.yaml'), 'utf8');
  const schemaFile = join(CHART_DIR, 'values.schema.json');
  const crd = (name: string) => readFile(join(CRDS_DIR, `${name}.yaml`), 'utf8');
  const crds = { policies: await crd('jspolicies'), sinks: await crd('violationsinks') };
  return new Map([
    [join(CHART_DIR, 'files/nats-permissions.json'), `${JSON.stringify(permissions, null, 2)}\n`],
    [join(CHART_DIR, 'files/needed-values.json'), `${JSON.stringify(neededValues(values), null, 2)}\n`],
    [join(CHART_DIR, 'README.md'), chartReadme(values)],
    [schemaFile, withSpecs(await readFile(schemaFile, 'utf8'), crds)],
    ...(await crdCopies()),
  ]);
}

/** Helm warns of a symbolic link at each use, and not every tool follows one. */
async function crdCopies(): Promise<[path: string, text: string][]> {
  const names = await readdir(CRDS_DIR);
  const copy = async (name: string): Promise<[string, string]> => [
    join(CHART_DIR, 'crds', name),
    await readFile(join(CRDS_DIR, name), 'utf8'),
  ];
  return Promise.all(names.map(copy));
}

function allowed(service: (typeof BUS_SERVICES)[number]) {
  const { publish, subscribe } = busPermissions(service);
  return { publish: { allow: publish }, subscribe: { allow: subscribe } };
}
