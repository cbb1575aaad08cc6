import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import {
  API_VERSION,
  type Bundle,
  type BundleInfo,
  bundleDigest,
  type JsPolicy,
  type JsPolicyBundle,
  MAX_BUNDLE_BYTES,
  type OwnerReference,
} from '@jspolicy/contracts';

const HASH = 'policy.jspolicy.com/bundle-hash';
const INFO = 'policy.jspolicy.com/bundle-info';

export function ownerReference(policy: JsPolicy, blocks: boolean): OwnerReference {
  return {
    apiVersion: API_VERSION,
    kind: 'JsPolicy',
    name: policy.metadata.name,
    uid: policy.metadata.uid ?? '',
    controller: true,
    ...(blocks && { blockOwnerDeletion: true }),
  };
}

/** The object that carries a compiled bundle; the same bundle gives the same bytes. */
export async function bundleObject(policy: JsPolicy, hash: string, bundle: Bundle): Promise<JsPolicyBundle> {
  const { script, ...info } = bundle;
  const packed = await promisify(gzip)(script);
  return {
    apiVersion: API_VERSION,
    kind: 'JsPolicyBundle',
    metadata: {
      name: policy.metadata.name,
      annotations: { [HASH]: hash, [INFO]: JSON.stringify(info) },
      ownerReferences: [ownerReference(policy, true)],
    },
    spec: { bundle: packed.toString('base64') },
  };
}

/** Which source the object was compiled from; undefined for one that a user made. */
export const hashOf = (object: JsPolicyBundle): string | undefined => object.metadata.annotations?.[HASH];

/** Whether it was made for this very policy, not for an earlier one of the same name. */
export const isOwnedBy = (object: JsPolicyBundle, { metadata }: JsPolicy): boolean =>
  object.metadata.ownerReferences?.some(({ uid }) => uid === (metadata.uid ?? '')) ?? false;

/** The script; undefined when it is no base64 of gzip, or too large. */
export async function unpack(object: JsPolicyBundle): Promise<string | undefined> {
  try {
    const packed = Buffer.from(object.spec.bundle ?? '', 'base64');
    return (await promisify(gunzip)(packed, { maxOutputLength: MAX_BUNDLE_BYTES })).toString('utf8');
  } catch {
    return undefined;
  }
}

/** The bundle that we compiled earlier; undefined when the object is not ours, was changed by hand or is of another version. */
export async function compiledBundle(object: JsPolicyBundle): Promise<Bundle | undefined> {
  const info = readInfo(object.metadata.annotations?.[INFO]);
  const script = info && (await unpack(object));
  if (!info || script === undefined) return undefined;
  return bundleDigest({ ...info, script }) === info.digest && info.preludeLength <= script.length
    ? { ...info, script }
    : undefined;
}

function readInfo(text: string | undefined): BundleInfo | undefined {
  try {
    const info: unknown = text === undefined ? undefined : JSON.parse(text);
    return isBundleInfo(info) ? info : undefined;
  } catch {
    return undefined;
  }
}

/** Whoever may write the object may have written this too. */
function isBundleInfo(value: unknown): value is BundleInfo {
  if (typeof value !== 'object' || value === null) return false;
  const { digest, isolation, isolationReason, preludeLength, form, authorStart, hostCalls } =
    value as Partial<BundleInfo>;
  return (
    typeof digest === 'string' &&
    (isolation === 'kept' || isolation === 'request') &&
    typeof isolationReason === 'string' &&
    isLength(preludeLength) &&
    (form === 'function-body' || form === 'script') &&
    (authorStart === undefined || isLength(authorStart)) &&
    Array.isArray(hostCalls) &&
    hostCalls.every((each) => typeof each === 'string')
  );
}

const isLength = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
