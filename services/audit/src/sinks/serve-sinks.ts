import { type Bus, connectPublisher, type Running } from '@jspolicy/bus';
import { type Cluster, KubeError } from '@jspolicy/kube';
import type { Logger, Metrics } from '@jspolicy/runtime';
import { serveDeadRetry } from './dead-retry.ts';
import { KUBE_EVENTS } from './resource-types.ts';
import { secretReader } from './secret-reader.ts';
import { SinkKeeper } from './sink-keeper.ts';
import { sinkMetrics } from './sink-metrics.ts';

export interface ServeSinksParts {
  bus: Bus;
  cluster: Cluster;
  log: Logger;
  metrics: Metrics;
  /** Where the sinks' Secrets are. */
  secretsNamespace: string;
}

/** Delivers violations to every ViolationSink, beside other replicas, until it is stopped. */
export function serveSinks({ bus, cluster, log, metrics, secretsNamespace }: ServeSinksParts): Running {
  const readSecret = secretReader(cluster, secretsNamespace);
  const context = { stdout: process.stdout, connectNats: connectPublisher, createKubeEvent: eventCreator(cluster) };
  const keeper = new SinkKeeper({ bus, cluster, log, metrics: sinkMetrics(metrics), readSecret, context });
  const retry = serveDeadRetry({ bus, readSecret, context, sinkOf: (name) => keeper.sink(name) });
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
