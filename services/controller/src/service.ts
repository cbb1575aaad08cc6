import { type Bus, connectBus } from '@jspolicy/bus';
import { installCrds, type LeaseHandler, type Running } from '@jspolicy/kube';
import { createMetrics, type Health, type Service, type ServiceContext, startHealth } from '@jspolicy/runtime';
import { readConfig } from './config.ts';
import { controllerMetrics } from './controller-metrics.ts';
import { type LeaderParts, startLeading } from './leader.ts';
import { type OpenedCluster, openCluster, webhookTarget } from './open-cluster.ts';

const LEASE = 'jspolicy-controller';

interface Parts {
  health: Health;
  bus: Bus;
  opened: OpenedCluster;
  election: Running;
}

/** Start: health, bus, cluster, election, ready. Stop: give the Lease back after the work has ended, cluster, bus. */
export function createController({ env, log }: ServiceContext): Service {
  const config = readConfig(env);
  const metrics = createMetrics();
  const counted = controllerMetrics(metrics);
  const parts: Partial<Parts> = {};
  let leading: Running | undefined;

  const leaderParts = (bus: Bus, { cluster }: OpenedCluster): LeaderParts => ({
    cluster,
    bus,
    target: webhookTarget(config),
    compileTimeoutMs: config.compileTimeoutSeconds * 1000,
    unusedBundleMs: config.unusedBundleSeconds * 1000,
    log,
    onWrite: (verb, kind) => counted.writes.inc({ verb, kind }),
  });
  const lease = (bus: Bus, opened: OpenedCluster): LeaseHandler => ({
    onAcquired: () => {
      log.info({ identity: config.identity }, 'leading');
      counted.leads.set(1);
      leading = startLeading(leaderParts(bus, opened));
    },
    onLost: () => {
      log.info({ identity: config.identity }, 'leads no more');
      counted.leads.set(0);
      leading?.stop().catch((err: unknown) => log.error({ err }, 'the work of the leader did not end'));
    },
  });

  return {
    async start() {
      parts.health = await startHealth(config.healthPort, metrics);
      parts.bus = await connectBus({ servers: config.natsUrl, name: 'controller', log });
      await parts.bus.ensureTopology();
      parts.opened = await openCluster(config, log);
      if (config.installCrds && !config.manifestsDir) await installCrds(parts.opened.cluster, config.crdsDir);
      parts.election = parts.opened.cluster.elect(LEASE, config.identity, lease(parts.bus, parts.opened));
      parts.health.setReady(true);
    },
    async stop() {
      parts.health?.setReady(false);
      await leading?.stop();
      await parts.election?.stop();
      await parts.opened?.close();
      await parts.bus?.close();
      await parts.health?.stop();
    },
    describe: () => ({ healthPort: parts.health?.port }),
  };
}
