import { type Cluster, KubeError, type Running, type WatchHandler } from '@jspolicy/kube';
import { type Logger, pause } from '@jspolicy/runtime';
import { LEASES } from './resource-types.ts';
import { type EngineLease, precedenceOver, WorkingEngines } from './working-engines.ts';

/** Of every engine, in its own namespace. */
export const LEASE = 'jspolicy-controller';

const LOOK_MS = 2_000;

/** Answers that another try would not change. */
const REFUSALS = [401, 403, 404, 405];
const isRefusal = (err: Error): boolean => err instanceof KubeError && REFUSALS.includes(err.status);

export interface OnlyEngineParts {
  cluster: Pick<Cluster, 'watch'>;
  /** The engine's own. */
  namespace: string;
  log: Logger;
  /** Begins the work, which the returned one ends. */
  begin(): Promise<Running>;
}

/**
 * Lets the engine work while no other one works in the cluster: both would write the same webhook configurations for
 * ever. Who comes second writes nothing, says so, and begins when the other has ended.
 */
export class OnlyEngine implements Running {
  readonly #parts: OnlyEngineParts;
  readonly #leases = new Map<string, EngineLease>();
  readonly #working = new WorkingEngines();
  readonly #stopping = new AbortController();
  #watch: Running | undefined;
  #work: Running | undefined;
  #other: EngineLease | undefined;
  readonly #told = new Set<'refused' | 'failed'>();
  #looking: Promise<void> | undefined;

  constructor(parts: OnlyEngineParts) {
    this.#parts = parts;
  }

  /** Resolves after the first look; rejects when the work cannot be begun then. */
  async start(): Promise<void> {
    await this.#follow();
    const first = this.#look();
    // So that stop() waits for work that is just being begun.
    this.#looking = first.catch(() => undefined);
    await first;
    this.#looking = this.#goOn();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#watch?.stop();
    await this.#looking;
    await this.#work?.stop();
  }

  /** For /readyz. */
  problem(): string | undefined {
    const { namespace } = this.#other?.metadata ?? {};
    if (namespace === undefined) return undefined;
    return `another engine works in this cluster, in the namespace ${namespace}: uninstall one of the two, a cluster has one`;
  }

  /** Resolves when all Leases are known, or may not be. An API server that fails is waited for: it may hide one that works. */
  #follow(): Promise<void> {
    return new Promise((resolve) => {
      this.#stopping.signal.addEventListener('abort', () => resolve());
      const handler: WatchHandler = {
        onChange: (lease) => void this.#leases.set(lease.metadata.namespace ?? '', lease),
        onDelete: ({ metadata }) => void this.#leases.delete(metadata.namespace ?? ''),
        onSynced: () => resolve(),
        onError: (err) => {
          // Who did not renew meanwhile may not have been able to. Who works does not ask: one that it had to give way to it
          // would have seen before, and a Lease that a dead engine left must not count anew each time.
          if (!this.#work) this.#working.forget();
          this.#tellTrouble(err);
          if (isRefusal(err)) resolve();
        },
      };
      this.#watch = this.#parts.cluster.watch(LEASES, handler, { fieldSelector: `metadata.name=${LEASE}` });
    });
  }

  async #goOn(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await pause(LOOK_MS, signal);
      if (signal.aborted) return;
      await this.#look().catch((err: unknown) => this.#parts.log.error({ err }, 'work not begun, it is tried again'));
    }
  }

  async #look(): Promise<void> {
    this.#tell(this.#precedes());
    if (this.#stopping.signal.aborted) return;
    if (!this.#other) this.#work ??= await this.#parts.begin();
    else if (this.#work) await this.#end(this.#work);
  }

  #precedes(): EngineLease | undefined {
    const { namespace } = this.#parts;
    const nowMs = performance.now();
    const working = this.#working.see([...this.#leases.values()], nowMs);
    // A new replica of an engine that works: whoever may write a Lease in some namespace must not stop a rolling update.
    const works = this.#work !== undefined || this.#working.isRenewed(namespace, nowMs);
    return precedenceOver(works ? this.#leases.get(namespace) : undefined, working, namespace);
  }

  async #end(work: Running): Promise<void> {
    this.#work = undefined;
    await work.stop();
  }

  /** Each once: what fails later is told by the other watches too. */
  #tellTrouble(err: Error): void {
    const kind = isRefusal(err) ? 'refused' : 'failed';
    if (this.#told.has(kind)) return;
    this.#told.add(kind);
    const { log } = this.#parts;
    if (kind === 'refused')
      log.warn({ err }, 'Leases of all namespaces cannot be watched: another engine in this cluster is not noticed');
    else log.warn({ err }, 'Leases of all namespaces cannot be watched now, it is tried again');
  }

  #tell(other: EngineLease | undefined): void {
    const before = this.#other?.metadata.namespace;
    this.#other = other;
    const { namespace } = other?.metadata ?? {};
    if (namespace === before) return;
    const { log } = this.#parts;
    if (other)
      log.error(
        { engine: namespace, holder: other.spec?.holderIdentity },
        'another engine works in this cluster: this one writes nothing, uninstall one of the two',
      );
    else log.info({ engine: before }, 'this engine gives way to no other one any more');
  }
}
