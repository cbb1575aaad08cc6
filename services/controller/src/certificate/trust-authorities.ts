import { isIP } from 'node:net';
import { certificatesOf } from '@jspolicy/certificates';
import type { Cluster } from '@jspolicy/kube';
import type { Logger } from '@jspolicy/runtime';
import type { WebhookTarget } from '../webhook-configuration.ts';
import type { Writes } from '../writes.ts';
import { AuthorityFile } from './authority-file.ts';
import { KeptCertificate } from './kept-certificate.ts';
import { NoAuthorities, type TrustedAuthorities } from './trusted-authorities.ts';

/** Who keeps the serving certificate. */
export type CertificateParts =
  /** This controller, in the Secret. */
  | { keep: 'secret'; lifeMs: number; settleMs: number }
  /** Somebody else, who writes the authority into a file. */
  | { keep: 'file'; file: string }
  /** Somebody else. */
  | { keep: 'nothing' };

export interface AuthoritiesParts {
  cluster: Cluster;
  writes: Writes;
  log: Logger;
  target: Omit<WebhookTarget, 'caBundle'>;
  /** The authorities that the webhook configurations trust now, PEM. */
  trusted(): string;
  /** Writes what is to be trusted into the configurations; returns how many were written. */
  spread(): Promise<number>;
  /** Something else is to be trusted than before, and the configurations do not say so yet. */
  onChange(): void;
}

export function trustAuthorities(certificate: CertificateParts, parts: AuthoritiesParts): TrustedAuthorities {
  const { trusted, target } = parts;
  if (certificate.keep === 'nothing') return new NoAuthorities();
  if (certificate.keep === 'file') return new AuthorityFile({ ...parts, file: certificate.file });
  const { namespace } = target;
  const trustedPems = () => certificatesOf(trusted());
  return new KeptCertificate({ ...parts, ...certificate, ...namesOf(target), namespace, trusted: trustedPems });
}

/** The names of the Service, in the order that Kubernetes' clients try them, and what the URL says. */
function namesOf({ url, service: name, namespace }: AuthoritiesParts['target']) {
  const service = [name, `${name}.${namespace}`, `${name}.${namespace}.svc`];
  // An IPv6 address stands in brackets in a URL.
  const host = url ? new URL(url).hostname.replace(/^\[|\]$/g, '') : `${name}.${namespace}.svc`;
  const isAddress = isIP(host) > 0;
  const dnsNames = isAddress ? service : [...new Set([...service, host])];
  return { host, dnsNames, ipAddresses: isAddress ? [host] : [] };
}
