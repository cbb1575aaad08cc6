import { resolve } from 'node:path';
import { type Bus, connectPublisher, type Running } from '@jspolicy/bus';
import { type Cluster, KubeError } from '@jspolicy/kube';
import { AddressSet, type Logger, type Metrics } from '@jspolicy/runtime';
import { serveDeadRetry } from './dead-retry.ts';
import { rangesOf } from './refused-addresses.ts';
import { KUBE_EVENTS } from './resource-types.ts';
import { secretReader } from './secret-reader.ts';
import { SinkKeeper } from './sink-keeper.ts';
import { sinkMetrics } from './sink-metrics.ts';

/** What sinks may reach. */
export interface SinkLimits {
  /** Where the sinks' Secrets are. */
  readonly sinkSecretsNamespace: string;
  readonly sinkFileDir: string;
  readonly sinkRefusedAddresses: readonly string[];
}

export interface ServeSinksParts {
  bus: Bus;
  cluster: Cluster;
  log: Logger;
  metrics: Metrics;
  limits: SinkLimits;
}

/** Delivers violations to every ViolationSink, beside other replicas, until it is stopped. */
export function serveSinks({ bus, cluster, log, metrics, limits }: ServeSinksParts): Running {
  const readSecret = secretReader(cluster, limits.sinkSecretsNamespace);
  const context = {
    stdout: process.stdout,
    connectNats: connectPublisher,
    createKubeEvent: eventCreator(cluster),
    fileDirectory: resolve(limits.sinkFileDir),
    refused: new AddressSet(limits.sinkRefusedAddresses.flatMap((word) => rangesOf(word) ?? [])),
  };
  const keeper = new SinkKeeper({ bus, cluster, log, metrics: sinkMetrics(metrics), readSecret, context });
  const retry = serveDeadRetry({ bus, targetOf: (name) => keeper.targetOf(name) });
  return {
    async stop() {
      await retry.stop();
      await keeper.stop();
    },
  };
}

const eventCreator =
  (cluster: Cluster) =>
  async (event: Parameters<Cluster['create']>[1], signal: AbortSignal): Promise<void> => {
    try {
      await cluster.create(KUBE_EVENTS, event, { signal });
    } catch (error) {
      // It was delivered before.
      if (!(error instanceof KubeError && error.reason === 'AlreadyExists')) throw error;
    }
  };
