import { certificatesOf, createCertificates, readPair, type ServingPair } from '@jspolicy/certificates';
import type { KubeObject } from '@jspolicy/contracts';
import type { Cluster } from '@jspolicy/kube';
import type { Logger } from '@jspolicy/runtime';
import { Mirror } from '../mirror.ts';
import { SECRETS } from '../resource-types.ts';
import { WorkQueue } from '../work-queue.ts';
import type { Writes } from '../writes.ts';
import { nextStep, type Step } from './next-step.ts';
import { authoritiesOf, type CertificateState, notBegun, readSecret, SECRET_NAME, secretOf } from './secret-state.ts';
import { bundleOf, CertificateError, type TrustedAuthorities } from './trusted-authorities.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
/** Of clocks that go wrong, and of a timer's longest time. */
const LONGEST_WAIT_MS = HOUR_MS;
/** What is left alone may be a certificate that is not valid yet. */
const REFUSED_WAIT_MS = 60_000;

export interface KeptCertificateParts {
  cluster: Cluster;
  writes: Writes;
  log: Logger;
  namespace: string;
  /** What the API server connects to. */
  host: string;
  dnsNames: string[];
  ipAddresses: string[];
  lifeMs: number;
  /** How long API servers may take to heed webhook configurations that changed. */
  settleMs: number;
  /** The authorities that the webhook configurations trust now. */
  trusted(): string[];
  /** Writes caBundle() into the webhook configurations that differ; returns how many did. */
  spread(): Promise<number>;
}

/**
 * Keeps the serving certificate and its authority in the Secret that gateways read. In a rotation the API server is told
 * of the new authority first, beside the old one; after that the new certificate serves. Each step is stored before the next.
 */
export class KeptCertificate implements TrustedAuthorities {
  readonly #parts: KeptCertificateParts;
  readonly #mirror: Mirror<KubeObject>;
  readonly #queue: WorkQueue;
  readonly #told = Promise.withResolvers<void>();
  #bundle: string | undefined;
  #keepsAddress = false;
  #problem = 'it has not been looked at yet';
  /** What the Secret held when it was whole. */
  #whole: CertificateState | undefined;
  /** Since when the prepared authority is in all configurations; ms of this process. */
  #spread: { ca: string; sinceMs: number } | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: KeptCertificateParts) {
    const { cluster, log, namespace } = parts;
    this.#parts = parts;
    this.#queue = new WorkQueue({
      parallel: 1,
      work: () => this.#keep(),
      onFailure: (_name, err, retryMs) => {
        log.warn({ err, retryMs }, 'certificate not kept, it is tried again');
        this.#notKept(err);
      },
    });
    const selected = { namespace, fieldSelector: `metadata.name=${SECRET_NAME}` };
    this.#mirror = new Mirror(cluster, SECRETS, { log, onEvent: () => this.#look() }, selected);
  }

  get synced(): Promise<void> {
    return this.#mirror.synced;
  }

  /** Resolves after the first look, also when that failed: the policies that are in force need their leader. */
  start(): Promise<void> {
    this.#queue.start();
    this.#look();
    return this.#told.promise;
  }

  caBundle(): string {
    if (this.#bundle === undefined) throw new CertificateError(this.#problem);
    return this.#bundle;
  }

  get keepsAddress(): boolean {
    return this.#keepsAddress;
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#told.resolve();
    await Promise.all([this.#mirror.stop(), this.#queue.stop()]);
    clearTimeout(this.#timer);
  }

  #look(): void {
    this.#queue.add(SECRET_NAME);
  }

  #lookAfter(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), Math.max(0, Math.min(ms, LONGEST_WAIT_MS)));
  }

  async #keep(): Promise<void> {
    const secret = this.#mirror.get(SECRET_NAME);
    const read = secret ? readSecret(secret) : undefined;
    if (read?.is === 'foreign') return this.#refuse(read.problem);
    this.#keepsAddress = false;
    if (read?.is === 'given') return void (await this.#tell(certificatesOf(read.ca)));
    if (read?.is === 'kept') return this.#advance(read.state);
    if (read)
      this.#parts.log.warn({ secret: SECRET_NAME, problem: read.problem }, 'certificate useless, it is replaced');
    const before = this.#whole?.current;
    if (this.#whole && before && !notBegun(before)) return this.#store(this.#whole, 'put back');
    await this.#advance(read?.state ?? { previous: [] });
  }

  /** Configurations stay as they are; new ones fail with these words. */
  #refuse(problem: string): void {
    const { namespace, log } = this.#parts;
    const words = `Secret ${namespace}/${SECRET_NAME} cannot be used and is left alone: ${problem}. Mend or delete it, or give a certificate by files`;
    if (words !== this.#problem) log.error({ problem: words }, 'no certificate');
    this.#problem = words;
    this.#bundle = undefined;
    this.#told.resolve();
    this.#lookAfter(REFUSED_WAIT_MS);
  }

  /** What is trusted already stays trusted. */
  #notKept(error: unknown): void {
    const { namespace } = this.#parts;
    if (this.#bundle === undefined)
      this.#problem = `Secret ${namespace}/${SECRET_NAME}: ${error instanceof Error ? error.message : String(error)}`;
    this.#told.resolve();
  }

  async #advance(state: CertificateState): Promise<void> {
    const { host, lifeMs } = this.#parts;
    if (state.current) this.#whole = state;
    this.#keepsAddress = state.current !== undefined && !readPair(state.current).covers(host);
    const step = nextStep(state, { now: new Date(), host, overlapMs: lifeMs / 3 });
    if (step.do === 'prepare') return this.#prepare(state, step.why);
    const written = await this.#tell(authoritiesOf(step.do === 'tidy' ? step.state : state));
    if (step.do === 'tidy') return this.#store(step.state, 'the authority before is not trusted any more');
    if (step.do === 'promote') return this.#promote(step, this.#settling(state.next?.ca ?? '', written > 0));
    this.#lookAfter(step.untilMs - Date.now());
  }

  async #prepare({ current, previous }: CertificateState, why: string): Promise<void> {
    const made = await this.#make();
    // Gateways may still serve by what a Secret held that is gone.
    const trusted = current ? previous : [...new Set([...previous, ...this.#parts.trusted()])];
    if (!current && trusted.length === 0) return this.#store({ current: made, previous: [] }, why);
    await this.#store({ ...(current && { current }), next: made, previous: trusted }, `prepared: ${why}`);
  }

  async #promote({ state, nobodyServes }: Extract<Step, { do: 'promote' }>, settlingMs: number): Promise<void> {
    if (settlingMs > 0 && !nobodyServes) return this.#lookAfter(settlingMs);
    await this.#store(state, 'the prepared one serves');
  }

  /** How long it takes until every API server trusts the authority; from the start when a configuration was written. */
  #settling(ca: string, isNew: boolean): number {
    if (isNew || this.#spread?.ca !== ca) this.#spread = { ca, sinceMs: performance.now() };
    return this.#spread.sinceMs + this.#parts.settleMs - performance.now();
  }

  /** Never of none: an empty bundle in place of one that works would make the API server trust its own roots. */
  async #tell(authorities: string[]): Promise<number> {
    if (authorities.length === 0) throw new CertificateError('it holds no authority that could be trusted');
    this.#bundle = bundleOf(authorities);
    this.#problem = '';
    this.#told.resolve();
    return this.#parts.spread();
  }

  async #store(state: CertificateState, why: string): Promise<void> {
    const { writes, namespace, log } = this.#parts;
    const existing = this.#mirror.get(SECRET_NAME);
    if (existing?.['immutable'] === true)
      throw new CertificateError(`it is immutable and must be written (${why}): delete it, then it is made anew`);
    const desired = secretOf(existing, namespace, state);
    const written = existing ? await writes.update(SECRETS, desired) : await writes.create(SECRETS, desired);
    this.#mirror.remember(written, existing?.metadata.resourceVersion);
    log.info({ secret: SECRET_NAME, why }, 'certificate written');
    this.#look();
  }

  async #make(): Promise<ServingPair> {
    const { dnsNames, ipAddresses, lifeMs } = this.#parts;
    const backdatedMs = Math.min(HOUR_MS, lifeMs / 20);
    return createCertificates({ dnsNames, ipAddresses, validDays: lifeMs / DAY_MS, backdatedMs });
  }
}
