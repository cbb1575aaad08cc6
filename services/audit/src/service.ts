import { type Bus, connectBus, type Running } from '@jspolicy/bus';
import { AUDIT_CONSUMER, VIOLATIONS_STREAM } from '@jspolicy/contracts';
import { createMetrics, type Health, type Service, type ServiceContext, startHealth } from '@jspolicy/runtime';
import { readConfig } from './config.ts';
import { type OpenedCluster, openCluster } from './open-cluster.ts';
import { ViolationHandler } from './violation-handler.ts';
import { ViolationsWriter } from './violations-writer.ts';

/** Start: health, bus, cluster, consumer, ready. Stop: finish the batch, cluster, bus. */
export function createAudit({ env, log }: ServiceContext): Service {
  const config = readConfig(env);
  const metrics = createMetrics();
  const consumed = metrics.counter({
    name: 'jspolicy_violations_consumed_total',
    help: 'Violations taken from the stream',
  });
  const writes = metrics.counter({
    name: 'jspolicy_violation_status_writes_total',
    help: 'Writes of JsPolicyViolations',
  });
  const stopping = new AbortController();
  let health: Health | undefined;
  let bus: Bus | undefined;
  let opened: OpenedCluster | undefined;
  let consumer: Running | undefined;
  return {
    async start() {
      health = await startHealth(config.healthPort, metrics);
      bus = await connectBus({ servers: config.natsUrl, name: 'audit', log });
      await bus.ensureTopology();
      opened = await openCluster(config, log);
      const handler = new ViolationHandler({
        bus,
        log,
        writer: new ViolationsWriter(opened.cluster),
        onConsumed: (count) => consumed.inc(count),
        onWritten: () => writes.inc(),
        stopping: stopping.signal,
      });
      consumer = await bus.consume({
        stream: VIOLATIONS_STREAM,
        durable: AUDIT_CONSUMER,
        batch: config.batch,
        handler: (messages) => handler.handle(messages),
      });
      health.setReady(true);
    },
    async stop() {
      health?.setReady(false);
      stopping.abort();
      await consumer?.stop();
      await opened?.close();
      await bus?.close();
      await health?.stop();
    },
    describe: () => ({ healthPort: health?.port }),
  };
}
