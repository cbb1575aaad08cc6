import { objectText, type ReadCluster } from '@jspolicy/host-functions';
import type { CopiesSize, OpenedCluster } from '@jspolicy/kube';
import type { Logger } from '@jspolicy/runtime';
import { HostCallError } from '@jspolicy/sandbox';
import type { EvaluatorConfig } from './config.ts';
import type { EvaluatorMetrics } from './evaluator-metrics.ts';

const MIB = 1024 * 1024;

type Opened = ReadCluster & Pick<OpenedCluster, 'refresh' | 'close'>;

type Counted = Pick<EvaluatorMetrics, 'informerObjects' | 'informerBytes'>;

/**
 * The cluster that policies read, opened when the first one asks: many installations have no policy that does, and the
 * client takes memory.
 */
export class LazyCluster {
  readonly #config: EvaluatorConfig;
  readonly #log: Logger;
  readonly #metrics: Counted;
  #opened: Promise<Opened> | undefined;

  constructor(config: EvaluatorConfig, metrics: Counted, log: Logger) {
    this.#config = config;
    this.#metrics = metrics;
    this.#log = log;
  }

  /** Throws HostCallError, also when none is configured; a failure to open is tried again with the next call. */
  async get(): Promise<ReadCluster> {
    this.#opened ??= this.#open().catch((error: unknown) => {
      this.#opened = undefined;
      throw error instanceof HostCallError ? error : unavailable(error);
    });
    return this.#opened;
  }

  /** Whether a read may show more now than the one before. */
  async refresh(): Promise<boolean> {
    const refresh = (await this.#opened)?.refresh;
    await refresh?.();
    return refresh !== undefined;
  }

  async close(): Promise<void> {
    const opened = await this.#opened?.catch(() => undefined);
    await opened?.informers.stop();
    await opened?.close();
  }

  async #open(): Promise<Opened> {
    const connected = await this.#connect();
    const { Informers } = await import('@jspolicy/kube');
    const { cacheMaxMiB, cacheIdleSeconds } = this.#config;
    const informers = new Informers({
      cluster: connected.cluster,
      textOf: objectText,
      maxBytes: cacheMaxMiB * MIB,
      idleMs: cacheIdleSeconds * 1000,
      onSize: (kind, size) => this.#count(kind, size),
      log: this.#log,
    });
    return { ...connected, informers };
  }

  #count(kind: string, size: CopiesSize | undefined): void {
    const { informerObjects, informerBytes } = this.#metrics;
    if (size) {
      informerObjects.set({ kind }, size.objects);
      informerBytes.set({ kind }, size.bytes);
    } else {
      informerObjects.remove({ kind });
      informerBytes.remove({ kind });
    }
  }

  async #connect(): Promise<OpenedCluster> {
    const { kubeconfig, kubernetesHost, manifestsDir } = this.#config;
    if (!kubeconfig && !kubernetesHost && !manifestsDir) {
      throw new HostCallError('NoCluster', 'the evaluator has no cluster to read: set KUBECONFIG or MANIFESTS_DIR');
    }
    const { openCluster } = await import('@jspolicy/kube');
    return openCluster({ config: this.#config, log: this.#log });
  }
}

const unavailable = (cause: unknown): HostCallError =>
  new HostCallError('NoCluster', `the cluster cannot be reached: ${cause instanceof Error ? cause.message : cause}`, {
    cause,
  });
