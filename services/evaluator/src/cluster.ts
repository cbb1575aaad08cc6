import type { Cluster } from '@jspolicy/kube';
import type { Logger } from '@jspolicy/runtime';
import { HostCallError } from '@jspolicy/sandbox';
import type { EvaluatorConfig } from './config.ts';

interface Opened {
  cluster: Cluster;
  /** Absent where each read is answered with what is there at that moment. */
  refresh?(): Promise<void>;
  close(): void | Promise<void>;
}

/**
 * The cluster that policies read, opened when the first one asks: many installations have no policy that does, and the
 * client takes memory.
 */
export class LazyCluster {
  readonly #config: EvaluatorConfig;
  readonly #log: Logger;
  #opened: Promise<Opened> | undefined;

  constructor(config: EvaluatorConfig, log: Logger) {
    this.#config = config;
    this.#log = log;
  }

  /** Throws HostCallError, also when none is configured; a failure to open is tried again with the next call. */
  async get(): Promise<Cluster> {
    this.#opened ??= this.#open().catch((error: unknown) => {
      this.#opened = undefined;
      throw error instanceof HostCallError ? error : unavailable(error);
    });
    return (await this.#opened).cluster;
  }

  /** Whether a read may show more now than the one before. */
  async refresh(): Promise<boolean> {
    const refresh = (await this.#opened)?.refresh;
    await refresh?.();
    return refresh !== undefined;
  }

  async close(): Promise<void> {
    const opened = await this.#opened?.catch(() => undefined);
    await opened?.close();
  }

  async #open(): Promise<Opened> {
    const { kubeconfig, kubernetesHost, manifestsDir, stateDir } = this.#config;
    const { connectApiServer, openDirectory } = await import('@jspolicy/kube');
    if (manifestsDir) {
      const log = this.#log;
      const onProblem = () => undefined;
      const directory = await openDirectory({ manifests: manifestsDir, state: stateDir, log, onProblem });
      return { cluster: directory, refresh: () => directory.refresh(), close: () => directory.close() };
    }
    if (!kubeconfig && !kubernetesHost) {
      throw new HostCallError('NoCluster', 'the evaluator has no cluster to read: set KUBECONFIG or MANIFESTS_DIR');
    }
    const cluster = await connectApiServer({ ...(kubeconfig && { kubeconfig }), log: this.#log });
    return { cluster, close: () => cluster.close() };
  }
}

const unavailable = (cause: unknown): HostCallError =>
  new HostCallError('NoCluster', `the cluster cannot be reached: ${cause instanceof Error ? cause.message : cause}`, {
    cause,
  });
