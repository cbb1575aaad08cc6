// The certificate library's own dependency asks for it, and for it to be there first.
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  cryptoProvider,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  type JsonGeneralName,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

cryptoProvider.set(webcrypto);

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Clocks of a cluster's machines differ: a certificate must not be too new for the one that is behind. */
const BACKDATED_MS = HOUR_MS;

const KEY_ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' };
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' };

export interface CertificateOptions {
  /** Names that clients connect to; the first name or address becomes the leaf's common name. */
  dnsNames: string[];
  ipAddresses: string[];
  /** Life of both certificates from now, in days. */
  validDays?: number;
  /** How long before now it begins; an hour unless given. */
  backdatedMs?: number;
}

export const DEFAULT_VALID_DAYS = 90;

/** A serving certificate and the authority that signed it, all PEM. The authority's key is not kept: both renew together. */
export interface Certificates {
  ca: string;
  cert: string;
  key: string;
  notAfter: Date;
}

/** A fresh authority and leaf, EC P-256, valid since an hour ago unless the options say otherwise. Throws RangeError without a name or for a wrong address. */
export async function createCertificates(options: CertificateOptions): Promise<Certificates> {
  const names = alternativeNames(options);
  const now = Date.now();
  const notAfter = wholeSeconds(now + (options.validDays ?? DEFAULT_VALID_DAYS) * DAY_MS);
  const life = { notBefore: wholeSeconds(now - (options.backdatedMs ?? BACKDATED_MS)), notAfter };
  const authorityKeys = await generateKeys();
  const authority = await createAuthority(authorityKeys, life);
  const leafKeys = await generateKeys();
  const leaf = await X509CertificateGenerator.create({
    ...life,
    subject: `CN=${names[0]?.value ?? ''}`,
    issuer: authority.subject,
    publicKey: leafKeys.publicKey,
    signingKey: authorityKeys.privateKey,
    signingAlgorithm: SIGNATURE,
    extensions: await leafExtensions(names, leafKeys, authorityKeys),
  });
  const key = PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', leafKeys.privateKey), 'PRIVATE KEY');
  return { ca: lines(authority.toString('pem')), cert: lines(leaf.toString('pem')), key: lines(key), notAfter };
}

const lines = (pem: string): string => `${pem.trim()}\n`;

/** X.509 counts whole seconds. */
const wholeSeconds = (ms: number): Date => new Date(Math.floor(ms / 1000) * 1000);

type Keys = webcrypto.CryptoKeyPair;

async function generateKeys(): Promise<Keys> {
  return (await webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ['sign', 'verify'])) as Keys;
}

async function createAuthority(keys: Keys, life: { notBefore: Date; notAfter: Date }): Promise<X509Certificate> {
  return X509CertificateGenerator.createSelfSigned({
    ...life,
    name: 'CN=jspolicy authority',
    keys,
    signingAlgorithm: SIGNATURE,
    extensions: [
      // It signs leaves only.
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
}

async function leafExtensions(names: JsonGeneralName[], leaf: Keys, authority: Keys): Promise<Extension[]> {
  return [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
    new SubjectAlternativeNameExtension(names),
    await SubjectKeyIdentifierExtension.create(leaf.publicKey),
    await AuthorityKeyIdentifierExtension.create(authority.publicKey),
  ];
}

function alternativeNames({ dnsNames, ipAddresses }: CertificateOptions): JsonGeneralName[] {
  const wrong = ipAddresses.find((address) => isIP(address) === 0);
  if (wrong !== undefined) throw new RangeError(`not an IP address: ${JSON.stringify(wrong)}`);
  const names: JsonGeneralName[] = [
    ...dnsNames.map((value) => ({ type: 'dns' as const, value })),
    ...ipAddresses.map((value) => ({ type: 'ip' as const, value })),
  ];
  if (names.length === 0) throw new RangeError('a certificate needs a DNS name or an IP address');
  return names;
}
