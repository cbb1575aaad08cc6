import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { type CertificateOptions, createCertificates } from './certificates.ts';

/** The names are those of the Secret jspolicy-webhook-cert. */
const CA_FILE = 'ca.crt';
const CERT_FILE = 'tls.crt';
const KEY_FILE = 'tls.key';

export interface CertificateFiles {
  caFile: string;
  certFile: string;
  keyFile: string;
  notAfter: Date;
  /** When ensureCertificates() would make new ones: two thirds of their life are over. */
  renewAt: Date;
  /** Whether this call made them. */
  renewed: boolean;
}

/**
 * Keeps an authority, a leaf and its key (mode 0600) in a directory, which is made when it is missing. They are made anew
 * when a file is missing, unreadable or does not fit the others, when two thirds of their life are over, and when a wanted
 * name is not in the leaf or one in the leaf is not wanted. Each file is replaced in one step. For one process at a time.
 */
export async function ensureCertificates(directory: string, options: CertificateOptions): Promise<CertificateFiles> {
  const present = await readLife(directory, options);
  if (present && Date.now() < present.renewAt.getTime()) return { ...files(directory), ...present, renewed: false };
  const { ca, cert, key } = await createCertificates(options);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await replace(join(directory, CA_FILE), ca, 0o644);
  await replace(join(directory, KEY_FILE), key, 0o600);
  await replace(join(directory, CERT_FILE), cert, 0o644);
  return { ...files(directory), ...life(new X509Certificate(cert)), renewed: true };
}

const files = (directory: string) => ({
  caFile: join(directory, CA_FILE),
  certFile: join(directory, CERT_FILE),
  keyFile: join(directory, KEY_FILE),
});

interface Life {
  notAfter: Date;
  renewAt: Date;
}

/** The life of what is there; undefined when that cannot be used for the options. */
async function readLife(directory: string, options: CertificateOptions): Promise<Life | undefined> {
  const { caFile, certFile, keyFile } = files(directory);
  try {
    const [ca, leaf] = [new X509Certificate(await readFile(caFile)), new X509Certificate(await readFile(certFile))];
    const key = createPrivateKey(await readFile(keyFile));
    const fits = leaf.checkIssued(ca) && leaf.verify(ca.publicKey) && leaf.checkPrivateKey(key);
    return fits && sameNames(leaf, options) ? life(leaf) : undefined;
  } catch {
    // Missing, cut off or no PEM: all the same, new ones are made.
    return undefined;
  }
}

function life({ validFromDate, validToDate }: X509Certificate): Life {
  const wholeMs = validToDate.getTime() - validFromDate.getTime();
  return { notAfter: validToDate, renewAt: new Date(validFromDate.getTime() + (wholeMs * 2) / 3) };
}

function sameNames(leaf: X509Certificate, { dnsNames, ipAddresses }: CertificateOptions): boolean {
  const entries = (leaf.subjectAltName ?? '').split(', ').filter(Boolean);
  const wanted = dnsNames.length + ipAddresses.length;
  const covered =
    dnsNames.every((name) => entries.includes(`DNS:${name}`)) &&
    ipAddresses.every((address) => isIP(address) > 0 && leaf.checkIP(address) !== undefined);
  return covered && entries.length === wanted;
}

async function replace(file: string, text: string, mode: number): Promise<void> {
  const draft = `${file}.${process.pid}.tmp`;
  await writeFile(draft, text, { mode });
  await rename(draft, file);
}
