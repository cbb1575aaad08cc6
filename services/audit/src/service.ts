import { type Bus, type Consumer, connectBus, type Running } from '@jspolicy/bus';
import { AUDIT_CONSUMER, VIOLATIONS_STREAM } from '@jspolicy/contracts';
import { createMetrics, type Health, type Service, type ServiceContext, startHealth } from '@jspolicy/runtime';
import { auditMetrics } from './audit-metrics.ts';
import { readConfig } from './config.ts';
import { followLag } from './lag.ts';
import { type OpenedCluster, openCluster } from './open-cluster.ts';
import { ViolationHandler } from './violation-handler.ts';
import { ViolationsWriter } from './violations-writer.ts';

interface Parts {
  health: Health;
  bus: Bus;
  opened: OpenedCluster;
  consumer: Consumer;
  lag: Running;
}

/** Start: health, bus, cluster, consumer, ready. Stop: finish the batch at hand, give back the rest, cluster, bus. */
export function createAudit({ env, log }: ServiceContext): Service {
  const config = readConfig(env);
  const metrics = createMetrics();
  const counted = auditMetrics(metrics);
  const stopping = new AbortController();
  const parts: Partial<Parts> = {};

  function consume(bus: Bus, { cluster }: OpenedCluster): Promise<Consumer> {
    const handler = new ViolationHandler({
      bus,
      log,
      writer: new ViolationsWriter(cluster),
      onConsumed: (count) => counted.consumed.inc(count),
      onWritten: () => counted.writes.inc(),
      stopping: stopping.signal,
    });
    return bus.consume({
      stream: VIOLATIONS_STREAM,
      durable: AUDIT_CONSUMER,
      batch: config.batch,
      handler: (messages) => handler.handle(messages),
      onDead: () => counted.dead.inc(),
    });
  }

  return {
    async start() {
      parts.health = await startHealth(config.healthPort, metrics);
      parts.bus = await connectBus({ servers: config.natsUrl, name: 'audit', log });
      await parts.bus.ensureTopology();
      parts.opened = await openCluster(config, log);
      parts.consumer = await consume(parts.bus, parts.opened);
      parts.lag = followLag(parts.consumer, { log, onPending: (count) => counted.pending.set(count) });
      parts.health.setReady(true);
    },
    async stop() {
      parts.health?.setReady(false);
      stopping.abort();
      await parts.lag?.stop();
      await parts.consumer?.stop();
      await parts.opened?.close();
      await parts.bus?.close();
      await parts.health?.stop();
    },
    describe: () => ({ healthPort: parts.health?.port }),
  };
}
