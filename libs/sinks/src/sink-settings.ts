import type { SecretRef } from '@jspolicy/contracts';
import type { Fields } from './fields.ts';

/** Gives the text of a key of a Secret. Rejects when it is not there. */
export type ReadSecret = (ref: SecretRef) => Promise<string>;

/** Checked settings as the sink gets them: defaults filled in, secrets in plain. Rejects when one of these is missing. */
export async function filledSettings(
  fields: Fields,
  settings: Record<string, unknown>,
  readSecret: ReadSecret,
): Promise<Record<string, unknown>> {
  const filled: Record<string, unknown> = {};
  for (const [key, field] of Object.entries(fields)) {
    const value = settings[key] ?? field.default;
    if (value === undefined) continue;
    if (field.secret === 'one') filled[key] = await readSecret(value as SecretRef);
    else if (field.secret === 'map') filled[key] = await readAll(value as Record<string, SecretRef>, readSecret);
    else filled[key] = value;
  }
  return filled;
}

async function readAll(refs: Record<string, SecretRef>, readSecret: ReadSecret): Promise<Record<string, string>> {
  const read: Record<string, string> = {};
  for (const [key, ref] of Object.entries(refs)) read[key] = await readSecret(ref);
  return read;
}
