import { begunAt, certificatesOf, isSigned, readPair, type ServingPair } from '@jspolicy/certificates';
import type { KubeObject } from '@jspolicy/contracts';

/** Its name and its three keys are those that jsPolicy had. */
export const SECRET_NAME = 'jspolicy-webhook-cert';

const KEYS = { ca: 'ca.crt', cert: 'tls.crt', key: 'tls.key' };
const NEXT_KEYS = { ca: 'next-ca.crt', cert: 'next-tls.crt', key: 'next-tls.key' };
const PREVIOUS_KEY = 'previous-ca.crt';
const ALL_KEYS = [...Object.values(KEYS), ...Object.values(NEXT_KEYS), PREVIOUS_KEY];

/** What the Secret holds. Everything a new leader needs to go on where the one before it stopped. */
export interface CertificateState {
  /** What gateways serve by. */
  current?: ServingPair;
  /** What they will serve by, once every API server trusts its authority. */
  next?: ServingPair;
  /** Authorities of what gateways served by a short time ago. */
  previous: string[];
}

export type SecretRead =
  /** Ours, or one that jsPolicy made: to be kept. */
  | { is: 'kept'; state: CertificateState }
  /** Somebody else renews it: it is used as it is. */
  | { is: 'given'; ca: string }
  /** It serves nobody: it may be replaced. */
  | { is: 'useless'; problem: string; state: CertificateState }
  /** It may be of use to somebody, but not to us: it is left alone. */
  | { is: 'foreign'; problem: string };

type Data = Record<string, string>;

/** Judges what the Secret holds, and whose it is. */
export function readSecret(secret: KubeObject): SecretRead {
  const data = (secret['data'] ?? {}) as Data;
  const pair = pairOf(data, KEYS);
  const problem = problemOf(pair) ?? notBegun(pair);
  const owner = ownerOf(secret);
  if (owner) {
    const lacks = problem ?? noAuthority(pair);
    if (lacks) return { is: 'foreign', problem: `${owner} keeps it, but ${lacks}` };
    return { is: 'given', ca: pair.ca };
  }
  const others = Object.keys(data).filter((key) => !ALL_KEYS.includes(key));
  if (!data[KEYS.cert] && !data[KEYS.key] && others.length > 0)
    return { is: 'foreign', problem: `it holds something else: ${others.join(', ')}` };
  const state = restOf(data);
  if (problem) return { is: 'useless', problem, state };
  if (!isSigned(pair)) return { is: 'foreign', problem: `its certificate is not signed by an authority in ${KEYS.ca}` };
  return { is: 'kept', state: { ...state, current: pair } };
}

/** The Secret with this state; what else it holds stays. */
export function secretOf(existing: KubeObject | undefined, namespace: string, state: CertificateState): KubeObject {
  const { current, next, previous } = state;
  const kept = Object.entries((existing?.['data'] ?? {}) as Data).filter(([key]) => !ALL_KEYS.includes(key));
  return {
    ...(existing ?? { type: 'Opaque' }),
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: existing?.metadata ?? { name: SECRET_NAME, namespace },
    data: {
      ...Object.fromEntries(kept),
      ...(current && encoded(current, KEYS)),
      ...(next && encoded(next, NEXT_KEYS)),
      ...(previous.length > 0 && { [PREVIOUS_KEY]: encode(previous.join('')) }),
    },
  };
}

/** Every authority that the API server must trust in this state. */
export const authoritiesOf = ({ current, next, previous }: CertificateState): string[] => [
  ...certificatesOf(current?.ca ?? ''),
  ...certificatesOf(next?.ca ?? ''),
  ...previous,
];

/** What is prepared, if it is whole; otherwise it is prepared again. */
function restOf(data: Data): CertificateState {
  const next = pairOf(data, NEXT_KEYS);
  const isWhole = problemOf(next) === undefined && isSigned(next) && notBegun(next) === undefined;
  return { ...(isWhole && { next }), previous: certificatesOf(decode(data[PREVIOUS_KEY])) };
}

function problemOf(pair: ServingPair): string | undefined {
  const missing = (
    [
      ['cert', KEYS.cert],
      ['key', KEYS.key],
    ] as const
  ).filter(([part]) => pair[part].trim() === '');
  if (missing.length > 0) return `it has no ${missing.map(([, key]) => key).join(' and no ')}`;
  try {
    readPair(pair);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/**
 * Why no client accepts the pair yet, by the clock of now: its certificate, or each authority that signed it, begins later.
 * A pair that is not signed at all is not looked at.
 */
export function notBegun({ ca, cert }: Pick<ServingPair, 'ca' | 'cert'>): string | undefined {
  const now = new Date();
  const [chain, authorities] = [certificatesOf(cert), certificatesOf(ca)];
  if (begunAt(chain, now).length < chain.length) return `what ${KEYS.cert} holds is not valid yet`;
  const begun = begunAt(authorities, now);
  const waits = isSigned({ ca, cert }) && !isSigned({ ca: begun.join(''), cert });
  return waits ? `the authority in ${KEYS.ca} is not valid yet` : undefined;
}

/** The API server would trust its own roots instead, which sign no name of a Service. */
function noAuthority({ ca }: ServingPair): string | undefined {
  return certificatesOf(ca).length === 0 ? `it has no authority in ${KEYS.ca}` : undefined;
}

/** Whoever else writes the Secret, in words. */
function ownerOf({ metadata }: KubeObject): string | undefined {
  if (Object.keys(metadata.annotations ?? {}).some((name) => name.startsWith('cert-manager.io/')))
    return 'cert-manager';
  const [owner] = metadata.ownerReferences ?? [];
  return owner && `${owner.kind} ${owner.name}`;
}

type PairKeys = Record<keyof ServingPair, string>;

const pairOf = (data: Data, keys: PairKeys): ServingPair => ({
  ca: decode(data[keys.ca]),
  cert: decode(data[keys.cert]),
  key: decode(data[keys.key]),
});

const encoded = (pair: ServingPair, keys: PairKeys): Data => ({
  [keys.ca]: encode(pair.ca),
  [keys.cert]: encode(pair.cert),
  [keys.key]: encode(pair.key),
});

const encode = (text: string): string => Buffer.from(text).toString('base64');
const decode = (text = ''): string => Buffer.from(text, 'base64').toString('utf8');
