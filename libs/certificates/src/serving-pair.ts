import { createPrivateKey, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';

/** A serving certificate, its key, and the authorities that clients trust it by; all PEM. */
export interface ServingPair {
  ca: string;
  /** The leaf first, then what stands between it and the authority. */
  cert: string;
  key: string;
}

export interface PairFacts {
  validFrom: Date;
  validTo: Date;
  /** Two thirds of its life are over. */
  renewAt: Date;
  /** Whether a client that connects to this name or address takes it. Names are alternative names: Go reads no others. */
  covers(host: string): boolean;
}

/**
 * What a certificate with its key is. Throws an Error that says what is wrong: no PEM, a key of another certificate. The
 * authorities are not looked at: see isSigned().
 */
export function readPair({ cert, key }: Omit<ServingPair, 'ca'>): PairFacts {
  const leaf = parse('certificate', () => new X509Certificate(cert));
  const privateKey = parse('key', () => createPrivateKey(key));
  if (!leaf.checkPrivateKey(privateKey)) throw new Error('the key is not that of the certificate');
  const { validFromDate: validFrom, validToDate: validTo } = leaf;
  return {
    validFrom,
    validTo,
    renewAt: new Date(validFrom.getTime() + ((validTo.getTime() - validFrom.getTime()) * 2) / 3),
    covers: (host) => (isIP(host) ? leaf.checkIP(host) : leaf.checkHost(host, { subject: 'never' })) !== undefined,
  };
}

/** Between a leaf and its authority there are one or two; more is a circle. */
const LONGEST_CHAIN = 5;

/** Whether a client that trusts `ca` alone accepts the chain in `cert`, times apart. False for what is no PEM. */
export function isSigned({ ca, cert }: Pick<ServingPair, 'ca' | 'cert'>): boolean {
  try {
    const authorities = certificatesOf(ca).map((pem) => new X509Certificate(pem));
    const [leaf, ...between] = certificatesOf(cert).map((pem) => new X509Certificate(pem));
    let last = leaf;
    for (let length = 0; last && length < LONGEST_CHAIN; length++) {
      const signed = last;
      if (authorities.some((each) => each.fingerprint256 === signed.fingerprint256 || issued(each, signed)))
        return true;
      last = between.find((each) => issued(each, signed));
    }
    return false;
  } catch {
    return false;
  }
}

/** The certificates in a text, in their order, none twice. Other blocks and words are left out. */
export function certificatesOf(text: string): string[] {
  const found = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return [...new Set(found.map((pem) => `${pem.replaceAll('\r', '')}\n`))];
}

/** Those that are still valid at that time; what cannot be read is left out. */
export function validAt(pems: string[], time: Date): string[] {
  return pems.filter((pem) => {
    try {
      return new X509Certificate(pem).validToDate > time;
    } catch {
      return false;
    }
  });
}

/** Clocks of a cluster's machines differ by so much at most: what begins within it counts as begun. */
const CLOCK_SKEW_MS = 5 * 60_000;

/** Those whose life has begun at that time, five minutes of wrong clocks allowed; what cannot be read is left out. */
export function begunAt(pems: string[], time: Date): string[] {
  return pems.filter((pem) => {
    try {
      return untilBegun(pem, time) <= 0;
    } catch {
      return false;
    }
  });
}

/** Milliseconds until the life of a certificate counts as begun; 0 or less when it has. Throws for what is no PEM. */
export const untilBegun = (pem: string, time: Date): number =>
  new X509Certificate(pem).validFromDate.getTime() - CLOCK_SKEW_MS - time.getTime();

const issued = (authority: X509Certificate, signed: X509Certificate): boolean =>
  signed.checkIssued(authority) && signed.verify(authority.publicKey);

function parse<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new Error(`the ${what} is no PEM that can be read`, { cause });
  }
}
