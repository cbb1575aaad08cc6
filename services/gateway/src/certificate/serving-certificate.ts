import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
// The part that makes certificates is large, and not needed here.
import { untilBegun } from '@jspolicy/certificates/serving-pair';
import type { Logger } from '@jspolicy/runtime';

/** PEM. */
export interface ServingCertificate {
  cert: string;
  key: string;
}

/** What a source of certificates tells; a source that stops tells nothing more. */
export interface CertificateListener {
  onCertificate(certificate: ServingCertificate): void;
  /** There is none that can be used; the one told before goes on serving. */
  onProblem(problem: string): void;
}

/** Something that tells of a certificate now, and of each that takes its place. */
export type CertificateSource = (listener: CertificateListener) => { stop(): Promise<void> | void };

/** A timer's own limit is weeks; clocks are set right meanwhile. */
const LONGEST_WAIT_MS = 60_000;

/** The certificate that serves. A new one takes over for connections that begin; those that exist go on. */
export class Serving {
  readonly #log: Logger;
  readonly #source: CertificateSource;
  readonly #first = Promise.withResolvers<ServingCertificate>();
  #current: ServingCertificate | undefined;
  #swap: ((certificate: ServingCertificate) => void) | undefined;
  #problem: string | undefined;
  #running: ReturnType<CertificateSource> | undefined;
  /** Until a certificate that was told begins. */
  #timer: NodeJS.Timeout | undefined;

  constructor(source: CertificateSource, log: Logger) {
    this.#source = source;
    this.#log = log;
  }

  /** Why there is none that could serve; undefined once there is one, or before anything is known. */
  get problem(): string | undefined {
    return this.#current ? undefined : this.#problem;
  }

  /** Seconds until the one that serves is not valid any more; undefined while there is none. */
  get remainingSeconds(): number | undefined {
    if (!this.#current) return undefined;
    return (new X509Certificate(this.#current.cert).validToDate.getTime() - Date.now()) / 1000;
  }

  /** Resolves with the first that can be used. */
  first(): Promise<ServingCertificate> {
    this.#running = this.#source({
      onCertificate: (certificate) => this.#take(certificate),
      onProblem: (problem) => this.#tell(problem),
    });
    return this.#first.promise;
  }

  /** Calls back with every later one, and at once with one that came since the first. */
  follow(server: ServingCertificate, swap: (certificate: ServingCertificate) => void): void {
    this.#swap = swap;
    if (this.#current && this.#current !== server) swap(this.#current);
  }

  async stop(): Promise<void> {
    await this.#running?.stop();
    clearTimeout(this.#timer);
  }

  #take(certificate: ServingCertificate): void {
    const { cert, key } = certificate;
    const isNew = cert !== this.#current?.cert || key !== this.#current.key;
    const problem = isNew ? problemOf(certificate) : undefined;
    clearTimeout(this.#timer);
    const waitMs = isNew && problem === undefined ? untilBegun(cert, new Date()) : 0;
    if (waitMs > 0) this.#wait(certificate, waitMs);
    else if (problem !== undefined) this.#tell(problem);
    else this.#problem = undefined;
    if (!isNew || problem !== undefined || waitMs > 0) return;
    this.#log.info({ isFirst: !this.#current }, 'certificate taken');
    this.#current = certificate;
    this.#swap?.(certificate);
    this.#first.resolve(certificate);
  }

  /** Clients refuse a certificate before its time: the one before goes on. A source may tell of it only once. */
  #wait(certificate: ServingCertificate, waitMs: number): void {
    this.#tell('the certificate is not valid yet');
    this.#timer = setTimeout(() => this.#take(certificate), Math.min(waitMs, LONGEST_WAIT_MS));
  }

  #tell(problem: string): void {
    if (problem === this.#problem) return;
    this.#problem = problem;
    this.#log.warn({ problem, serves: this.#current !== undefined }, 'no new certificate');
  }
}

/** No PEM, or a key of another certificate: files are seldom written at the same moment. */
function problemOf(certificate: ServingCertificate): string | undefined {
  try {
    createSecureContext(certificate);
    return undefined;
  } catch (error) {
    return `the certificate or its key cannot be used: ${error instanceof Error ? error.message : error}`;
  }
}
