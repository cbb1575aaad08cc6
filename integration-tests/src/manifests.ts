import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsPolicySpec } from '@jspolicy/contracts';
import { stringify } from 'yaml';

/**
 * A policy that judges Pods when they are created, unless the spec says otherwise. It has all the time that there is: a slow
 * machine is no reason for another verdict.
 */
export function policy(name: string, javascript: string, spec: Partial<JsPolicySpec> = {}) {
  return {
    apiVersion: 'policy.jspolicy.com/v1beta1',
    kind: 'JsPolicy',
    metadata: { name },
    spec: { operations: ['CREATE'], resources: ['pods'], timeoutSeconds: 30, ...spec, javascript },
  };
}

/** Writes each object as a file of its own, named as the object. */
export async function writeManifests(dir: string, objects: { metadata: { name: string } }[]): Promise<void> {
  await Promise.all(objects.map((object) => writeFile(join(dir, `${object.metadata.name}.yaml`), stringify(object))));
}
