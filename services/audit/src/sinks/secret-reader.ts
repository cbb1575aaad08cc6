import { SINK_SECRET_LABEL } from '@jspolicy/contracts';
import type { Cluster } from '@jspolicy/kube';
import { type ReadSecret, SecretMissingError } from '@jspolicy/sinks';
import { SECRETS } from './resource-types.ts';

const { name: LABEL, value: ALLOWED } = SINK_SECRET_LABEL;

/**
 * Reads keys of those Secrets of one namespace that have the label for it: `data`, or `stringData` of a manifest. Rejects with
 * SecretMissingError.
 */
export const secretReader =
  (cluster: Pick<Cluster, 'get'>, namespace: string): ReadSecret =>
  async (ref) => {
    const found = await cluster.get(SECRETS, ref.name, namespace);
    if (!found) throw new SecretMissingError(ref, `there is no such Secret in the namespace ${namespace}`);
    if (found.metadata.labels?.[LABEL] !== ALLOWED)
      throw new SecretMissingError(ref, `sinks may not read it, it has no label ${LABEL}: "${ALLOWED}"`);
    const plain = textOf(found['stringData'], ref.key);
    if (plain !== undefined) return plain;
    const encoded = textOf(found['data'], ref.key);
    if (encoded === undefined) throw new SecretMissingError(ref, 'the Secret has no such key');
    return Buffer.from(encoded, 'base64').toString('utf8');
  };

function textOf(values: unknown, key: string): string | undefined {
  if (typeof values !== 'object' || values === null) return undefined;
  const value = new Map<string, unknown>(Object.entries(values)).get(key);
  return typeof value === 'string' ? value : undefined;
}
