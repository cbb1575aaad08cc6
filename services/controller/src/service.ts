import { type Bus, connectBus } from '@jspolicy/bus';
import { installCrds, type Running } from '@jspolicy/kube';
import { createMetrics, type Health, type Service, type ServiceContext, startHealth } from '@jspolicy/runtime';
import { readConfig } from './config.ts';
import { startLeading } from './leader.ts';
import { type OpenedCluster, openCluster, webhookTarget } from './open-cluster.ts';

const LEASE = 'jspolicy-controller';

/** Start: health, bus, cluster, election, ready. Stop: give the Lease back after the work has ended, cluster, bus. */
export function createController({ env, log }: ServiceContext): Service {
  const config = readConfig(env);
  const metrics = createMetrics();
  const leads = metrics.gauge({ name: 'jspolicy_controller_leader', help: '1 while this replica leads' });
  const writes = metrics.counter({
    name: 'jspolicy_controller_writes_total',
    help: 'Writes into the cluster',
    labels: ['verb', 'kind'],
  });
  let health: Health | undefined;
  let bus: Bus | undefined;
  let opened: OpenedCluster | undefined;
  let election: Running | undefined;
  let leading: Running | undefined;

  const lead = (connected: Bus, { cluster }: OpenedCluster) => ({
    onAcquired: () => {
      log.info({ identity: config.identity }, 'leading');
      leads.set(1);
      leading = startLeading({
        cluster,
        bus: connected,
        target: webhookTarget(config),
        compileTimeoutMs: config.compileTimeoutSeconds * 1000,
        log,
        onWrite: (verb, kind) => writes.inc({ verb, kind }),
      });
    },
    onLost: () => {
      log.info({ identity: config.identity }, 'leads no more');
      leads.set(0);
      leading?.stop().catch((err: unknown) => log.error({ err }, 'the work of the leader did not end'));
    },
  });

  return {
    async start() {
      health = await startHealth(config.healthPort, metrics);
      bus = await connectBus({ servers: config.natsUrl, name: 'controller', log });
      await bus.ensureTopology();
      opened = await openCluster(config, log);
      if (config.installCrds && !config.manifestsDir) await installCrds(opened.cluster, config.crdsDir);
      election = opened.cluster.elect(LEASE, config.identity, lead(bus, opened));
      health.setReady(true);
    },
    async stop() {
      health?.setReady(false);
      await leading?.stop();
      await election?.stop();
      await opened?.close();
      await bus?.close();
      await health?.stop();
    },
    describe: () => ({ healthPort: health?.port }),
  };
}
