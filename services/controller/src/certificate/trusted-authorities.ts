import type { Running } from '@jspolicy/kube';

/** What the API server shall trust when it calls the gateway. */
export interface TrustedAuthorities extends Running {
  /** Resolves when the cluster told what it holds of the certificate. */
  readonly synced: Promise<void>;
  /** Begins the work; once. Resolves when caBundle() can be asked. */
  start(): Promise<void>;
  /** base64 of PEM; empty: the API server's own roots. Throws CertificateError while nothing can be told. */
  caBundle(): string;
  /** Gateways serve by a certificate that is not for where the API server shall call from now on; a new one is on its way. */
  readonly keepsAddress: boolean;
}

/** The serving certificate cannot be used, and only people can mend it. */
export class CertificateError extends Error {}

/** base64 of the certificates, in an order that does not depend on which of them serves. */
export const bundleOf = (pems: string[]): string => Buffer.from([...new Set(pems)].sort().join('')).toString('base64');

/** Nothing to keep: what the API server trusts is said by whoever runs it, or written by another controller. */
export class NoAuthorities implements TrustedAuthorities {
  readonly keepsAddress = false;
  readonly synced = Promise.resolve();
  async start(): Promise<void> {}
  caBundle(): string {
    return '';
  }
  async stop(): Promise<void> {}
}
